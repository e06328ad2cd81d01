"""How a tagger's scores become spans: the typed `Decision`, stored in a model's config.json under the key `cbpner`.

Plain transformers ignores the key. A missing field has its default; a model without the key decodes by Viterbi.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cbpner.base.errors import InputError

KEY = "cbpner"
DECODERS = ("viterbi", "greedy", "spans")
MIN_LENGTH = 8  # tokens of a window
OLD_NAMES = {"decode": "decoder", "span_threshold": "min_span_probability", "agreement": "vote_share"}
REMOVED = ("agreement_peak", "lexicon_bonus")  # options of older models, harmless where they are 0


@dataclass(frozen=True)
class Decision:
    """Decoding options; InputError for values that make no sense."""

    decoder: str = "viterbi"  # the best legal sequence; greedy: the best tag of each character; spans: likely spans
    min_span_probability: float = 0.5  # of the spans that the decoder `spans` keeps, 0.5 to below 1
    vote_share: float = 0.0  # a surface with at least this share of tagged occurrences is tagged everywhere; 0: no vote
    context: int = 0  # neighbouring sentences are scored together up to so many tokens; 0: each alone
    max_length: int = 512  # tokens of a window, with [CLS] and [SEP]
    temperature: float = 1.0  # divides the scores in reported probabilities; decoding does not depend on it

    def __post_init__(self) -> None:
        if self.decoder not in DECODERS:
            raise InputError(f"found decoder {self.decoder!r}; expected one of {', '.join(DECODERS)}")
        for name, kind in (("context", int), ("max_length", int), ("min_span_probability", float),
                           ("vote_share", float), ("temperature", float)):  # fmt: skip
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, (int, kind)):
                raise InputError(f"found {name} {value!r}; expected {'an integer' if kind is int else 'a number'}")
        for name, holds, expected in (
            ("min_span_probability", 0.5 <= self.min_span_probability < 1, "at least 0.5 and below 1"),
            ("vote_share", 0 <= self.vote_share <= 1, "0 to 1"),
            ("temperature", 0 < self.temperature < float("inf"), "a number above 0"),
            ("max_length", self.max_length >= MIN_LENGTH, f"{MIN_LENGTH} or more"),
            ("context", 0 <= self.context <= self.max_length, f"0 to max_length, {self.max_length}"),
        ):
            if not holds:
                raise InputError(f"found {name} {getattr(self, name)}; expected {expected}")

    def override(self, **values: Any) -> "Decision":
        """A copy with the values that are not None.

        A minimum probability alone implies the decoder `spans`. `greedy` reproduces the pipeline of transformers:
        without context and vote, unless they are given too.
        """
        given = {name: value for name, value in values.items() if value is not None}
        if "min_span_probability" in given:
            given.setdefault("decoder", "spans")
        if given.get("decoder") == "greedy":
            given = {"vote_share": 0.0, "context": 0} | given
        return replace(self, **given)


def read_decision(config: Mapping[str, Any], place: str | Path) -> Decision:
    """The decision of a model's configuration, under its present or its older field names.

    Args:
        config: content of config.json.
        place: its path, for messages.
    """
    entry, names = config.get(KEY, {}), [field.name for field in fields(Decision)]
    if isinstance(entry, dict):
        entry = {OLD_NAMES.get(name, name): value for name, value in entry.items() if name not in REMOVED or value}
    if not isinstance(entry, dict) or not set(entry) <= set(names):
        raise InputError(f"{place}: found {KEY!r}: {entry!r}; expected an object with fields of {', '.join(names)}")
    limit = config.get("max_position_embeddings", Decision.max_length)
    try:
        return Decision(**{"max_length": min(Decision.max_length, limit)} | entry)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
