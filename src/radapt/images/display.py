"""How image sets and data sets show themselves in a notebook: counts, and a few images of each class."""

from html import escape

from radapt.display.grid import image_grid, picture_address
from radapt.display.table import html_table, html_text
from radapt.images.imageset import Dataset, ImageSet
from radapt.images.notice import in_order
from radapt.text import counted

SHOWN = 8  # images in a row
SIDE = 96  # pixels


def html_of_images(images: ImageSet) -> str:
    """Return how many images there are of each class, and a few of each; no patient is named."""
    people = counted(len(set(images.patients.tolist())), "patient")
    height, width = images.pixels.shape[1:]
    lead = f"{counted(len(images), 'image')} of {people}, {width} x {height} pixels"
    return html_text(lead) + html_table([dict(images.counts())]) + _few(images)


def html_of_dataset(data: Dataset) -> str:
    """Return the counts of each split, a few images of each, and what limits results on them."""
    notices = "".join(
        html_text(f"{each.severity.upper()}: {each.title} {each.text}")
        for each in in_order(data.origin.notices)
    )
    account = data.origin.account(sum(map(len, data.splits.values())))
    few = "".join(html_text(name) + _few(images) for name, images in data.splits.items())
    counts = html_text(data.origin.name) + html_table(data.rows())
    return counts + (html_text(account) if account else "") + notices + few


def _few(images: ImageSet) -> str:
    """Return a few images, as many of each class, under which their class stands."""
    if not len(images):
        return ""
    shown = images.spread(SHOWN)
    picture = image_grid([shown], captions=shown.names(), columns=SHOWN, side=SIDE)
    about = f"{counted(len(shown), 'image')} of {counted(len(images), 'image')}"
    return f'<img src="{picture_address(picture)}" alt="{escape(about)}">'
