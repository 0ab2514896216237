"""What becomes of uncertain labels, the -1 of CheXpert and MIMIC-CXR.

Source: Irvin et al. 2019, AAAI, doi:10.1609/aaai.v33i01.3301590: U-Ignore, U-Ones, U-Zeros, U-MultiClass.
"""

from collections.abc import Mapping

from radapt.errors import AskedWrongly, UnknownName
from radapt.images.notice import Notice
from radapt.text import counted, listed

IGNORE, ONES, ZEROS, MULTI_CLASS = "ignore", "ones", "zeros", "multi-class"
POLICIES: dict[str, str] = {
    IGNORE: "they are left out",
    ONES: "they are taken as present",
    ZEROS: "they are taken as absent",
    MULTI_CLASS: "they are a third class",
}

PRESENT, ABSENT, OWN_CLASS, UNLABELLED, LEFT_OUT = (
    *("present", "absent", "a class of their own", "unlabelled"),
    "left out",  # with their image
)


def check_policy(policy: str | None, findings: int) -> str:
    """Return the policy for uncertain labels; `ignore` for None.

    Parameters
    ----------
    findings
        The number of findings or columns that are read.

    Raises
    ------
    UnknownName
        If there is no such policy.
    AskedWrongly
        If uncertain labels of several findings are to be a class.
    """
    policy = policy or IGNORE
    if policy not in POLICIES:
        raise UnknownName("policy for uncertain labels", policy, POLICIES)
    if policy == MULTI_CLASS and findings > 1:
        raise AskedWrongly(
            f"Uncertain labels are a third class of one finding; {findings} are given. "
            f"Give one, or another policy: {listed([IGNORE, ONES, ZEROS])}."
        )
    return policy


def describe_uncertain(policy: str, uncertain: Mapping[str, int]) -> str:
    """Return a sentence on the number of uncertain labels and what became of them; "" if there are none."""
    if not uncertain:
        return ""
    fates = ", ".join(f"{fate} ({count:,})" for fate, count in sorted(uncertain.items()))
    total = counted(sum(uncertain.values()), "label")
    return f"Uncertain labels (-1), policy {policy}: {total}, of which became: {fates}."


def guessed(policy: str, uncertain: Mapping[str, int]) -> tuple[Notice, ...]:
    """Return a notice if uncertain labels were taken as present or as absent."""
    count = uncertain.get(PRESENT, 0) + uncertain.get(ABSENT, 0)
    if policy not in (ONES, ZEROS) or not count:
        return ()
    what = PRESENT if policy == ONES else ABSENT
    were = "was" if count == 1 else "were"
    text = (
        f"Uncertain labels (-1): {counted(count, 'label')} {were} taken as {what}, also where a model is "
        "tested. Scores count these guesses as truth."
    )
    return (Notice("uncertain-labels", "caution", text),)
