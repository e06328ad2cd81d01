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
    min_span_probability: float = option("keep spans with at least this probability (decoder spans)", 0.5, "[0.5, 1)")
    vote_share: float = option("tag a surface throughout a patent where this share of its occurrences is tagged; 0: "
                               "no vote", 0.0, "[0, 1]")  # fmt: skip
    context: int = option("read neighbouring sentences of a patent together, up to so many tokens; 0: each alone", 0,
                          "[0, inf)")  # fmt: skip
    max_length: int = option("tokens that are read together at most, with [CLS] and [SEP]", 512, "[8, inf)")
    temperature: float = option("divides the scores in reported probabilities, not in decoding", 1.0, "(0, inf)")

    def __post_init__(self) -> None:
        check_options(self)
        if self.context > self.max_length:
            raise InputError(f"found context {self.context}; expected at most max_length, {self.max_length}")

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
    """The decision of a model's configuration, the content of config.json; place: its path, for messages."""
    entry, names = config.get(KEY, {}), [field.name for field in fields(Decision)]
    if not isinstance(entry, dict) or not set(entry) <= set(names):
        raise InputError(f"{place}: found {KEY!r}: {entry!r}; expected an object with fields of {', '.join(names)}")
    limit = config.get("max_position_embeddings", Decision.max_length)
    try:
        return Decision(**{"max_length": min(Decision.max_length, limit)} | entry)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
