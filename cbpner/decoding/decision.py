"""How a tagger's scores become spans: the typed `Decision`, stored in a model's config.json under the key `cbpner`.

Plain transformers ignores the key. A missing field has its default; a model without the key decodes by Viterbi.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from cbpner.base.errors import InputError
from cbpner.base.settings import check_options, option

KEY = "cbpner"
DECODERS = ("viterbi", "greedy", "spans")


@dataclass(frozen=True)
class Decision:
    """Decoding options; InputError for values that make no sense."""

    decoder: str = option(
        "viterbi: the best legal tags; greedy: each character's best; spans: all spans likely enough", "viterbi",
        choices=DECODERS,
    )  # fmt: skip
    min_span_probability: float = option("keep spans with at least this probability (decoder spans; under a vote: that "
                                         "of all types together)", 0.5, "[0.5, 1)")  # fmt: skip
    vote_share: float = option("tag a surface throughout a patent where this share of its occurrences is tagged; 0: "
                               "no vote", 0.0, "[0, 1]")  # fmt: skip
    max_length: int = option("tokens that are read together at most, with [CLS] and [SEP]", 512, "[8, inf)")
    temperature: float = option("divides the scores in reported probabilities, not in decoding", 1.0, "(0, inf)")

    def __post_init__(self) -> None:
        check_options(self)

    def override(self, **values: Any) -> "Decision":
        """A copy with the values that are not None.

        A minimum probability alone implies the decoder `spans`; `greedy` alone no vote, as transformers' pipeline.
        """
        given = {name: value for name, value in values.items() if value is not None}
        if "min_span_probability" in given:
            given.setdefault("decoder", "spans")
        if given.get("decoder") == "greedy":
            given.setdefault("vote_share", 0.0)
        return replace(self, **given)


def read_decision(config: Mapping[str, Any], place: str | Path) -> Decision:
    """The decision of a model's configuration, the content of config.json; place: its path, for messages."""
    entry, names = config.get(KEY, {}), [field.name for field in fields(Decision)]
    if isinstance(entry, dict) and entry.get("context"):  # older models have it, most of them 0
        raise InputError(f"{place}: found context {entry['context']!r}; expected 0: sentences are read one by one")
    if not isinstance(entry, dict) or not set(entry) <= {*names, "context"}:
        raise InputError(f"{place}: found {KEY!r}: {entry!r}; expected an object with fields of {', '.join(names)}")
    limit = config.get("max_position_embeddings", Decision.max_length)
    try:
        own = {name: value for name, value in entry.items() if name != "context"}
        return Decision(**{"max_length": min(Decision.max_length, limit)} | own)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
