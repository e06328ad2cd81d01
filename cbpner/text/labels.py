"""Label sets and the BIO grammar, as data.

A label set is an ordered list of entity types; its tags are `O`, then `B-` and `I-` of each type. The gold data's three
types are the default and nothing more: any set works.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any, NamedTuple

from cbpner.base.errors import InputError
from cbpner.base.files import read_text

OUTSIDE = "O"


class TagSpan(NamedTuple):
    """A typed stretch of characters, as tags mark it: `start` included and `end` excluded, in code points."""

    start: int
    end: int
    label: str


@lru_cache(maxsize=1024)
def split_tag(tag: str) -> tuple[str, str]:
    """`B-gene` -> (`B`, `gene`); `O` -> (`O`, ``). ValueError for anything else."""
    if tag == OUTSIDE:
        return OUTSIDE, ""
    prefix, dash, label = tag.partition("-")
    if prefix not in ("B", "I") or not dash or not label or any(c.isspace() for c in label):
        raise ValueError(f"expected O, B-<type> or I-<type>, got {tag!r}")
    return prefix, label


def may_follow(previous: str | None, tag: str) -> bool:
    """Whether strict BIO (IOB2) allows `tag` right behind `previous` (None: at a sentence's start)."""
    before = "" if previous is None else split_tag(previous)[1]
    prefix, label = split_tag(tag)
    return prefix != "I" or label == before  # only a span of its own type goes on


@dataclass(frozen=True)
class LabelSet:
    """Entity types in a fixed order, and the tags that follow from them."""

    types: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(set(self.types)) != len(self.types) or not self.types:
            raise ValueError(f"expected one or more distinct entity types, got {self.types!r}")
        for label in self.types:
            split_tag(f"B-{label}")

    @cached_property
    def tags(self) -> tuple[str, ...]:
        """All tags: O, B-first, I-first, B-second, ... The position is the class number in a model."""
        return (OUTSIDE, *(f"{prefix}-{label}" for label in self.types for prefix in "BI"))

    @cached_property
    def tag_to_id(self) -> dict[str, int]:
        return {tag: number for number, tag in enumerate(self.tags)}

    @cached_property
    def id_to_tag(self) -> dict[int, str]:
        return dict(enumerate(self.tags))

    def transitions(self) -> list[list[bool]]:
        """Allowed moves, (tags + 1, tags): `[previous tag][tag]`, with the sentence's start as the last row."""
        return [[may_follow(previous, tag) for tag in self.tags] for previous in (*self.tags, None)]

    @classmethod
    def from_tags(cls, tags: Iterable[str]) -> "LabelSet":
        """The set that the given tags use, types sorted by name; the default's order where it has the same types."""
        types = {split_tag(tag)[1] for tag in tags} - {""}
        if not types:
            raise InputError("no entity tag found: every tag is O, so there is no label to learn")
        return DEFAULT if types == set(DEFAULT.types) else cls(tuple(sorted(types)))

    @classmethod
    def from_numbers(cls, tags: Mapping[Any, Any]) -> "LabelSet":
        """The set of a model's `id2label`, whatever its order; ValueError unless it numbers the tags as `tags` does."""
        found = {str(number): str(tag) for number, tag in tags.items()}
        own = [found.get(str(number), "") for number in range(len(found))]
        types = tuple(dict.fromkeys(tag[2:] for tag in own if tag.startswith("B-")))
        if not types or tuple(own) != (labels := cls(types)).tags:
            raise ValueError(f"found the tags {found}; expected O, then B- and I- of one type after another")
        return labels

    @classmethod
    def from_file(cls, path: str | Path) -> "LabelSet":
        """One entity type or one tag a line (`gene` or `B-gene`, `I-gene`); blank lines are skipped; file order."""
        words = [word for word in read_text(path).split() if word != OUTSIDE]
        labels = (word[2:] if word[:2] in ("B-", "I-") else word for word in words)
        types = tuple(dict.fromkeys(label for label in labels if label))
        if not types:
            raise InputError(f"{path}: no label found; expected one entity type or tag a line, such as gene or B-gene")
        return cls(types)


DEFAULT = LabelSet(("gene", "protein", "disease"))


def tags_to_spans(tags: Sequence[str], strict: bool = False) -> list[TagSpan]:
    """The spans of one sentence's tags.

    Lenient (the rule of conlleval, and seqeval's default): an `I-` without its `B-` begins a span. Strict (IOB2): a
    span begins with `B-` alone, and an orphan `I-` belongs to nothing.
    """
    spans: list[TagSpan] = []
    start, label = None, ""
    for position, tag in enumerate((*tags, OUTSIDE)):
        prefix, tag_label = split_tag(tag)
        continues = prefix == "I" and start is not None and tag_label == label
        if start is not None and not continues:
            spans.append(TagSpan(start, position, label))
            start = None
        if prefix == "B" or (prefix == "I" and start is None and not strict):
            start, label = position, tag_label
    return spans


def spans_to_tags(spans: Iterable[tuple[int, int, str]], length: int) -> list[str]:
    """The strict BIO tags of `length` characters; overlapping or out-of-range spans raise ValueError."""
    tags = [OUTSIDE] * length
    for start, end, label in spans:
        if not 0 <= start < end <= length:
            raise ValueError(f"expected a span within {length} characters, got {start}..{end}")
        if any(tag != OUTSIDE for tag in tags[start:end]):
            raise ValueError(f"span {start}..{end} ({label}) overlaps another")
        tags[start:end] = [f"B-{label}", *[f"I-{label}"] * (end - start - 1)]
    return tags


def repair_tags(tags: Sequence[str]) -> list[str]:
    """The tags with every orphan `I-` turned into the `B-` that lenient reading takes it for."""
    pairs = zip((None, *tags), tags, strict=False)
    return [tag if may_follow(before, tag) else f"B-{split_tag(tag)[1]}" for before, tag in pairs]
