"""Reading the pages that radapt writes."""

from html.parser import HTMLParser

SCRIPT = "<script>alert(1)</script>"


VOID = {"meta", "img", "br", "path", "use", "rect", "line"}


class Page(HTMLParser):
    """Reads a page as a browser would: its tags, its text, and whether each tag is closed."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.words = [], [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def handle_data(self, data):
        if {"style", "script"}.isdisjoint(self.open):
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())
