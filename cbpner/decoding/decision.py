"""How a tagger's scores become spans: what stands in its config.json under `cbpner`, which plain transformers ignores.

```
"cbpner": {
  "decode": "spans",        viterbi: the best legal BIO sequence; greedy: each character's best tag, as transformers'
                            pipeline has it; spans: every span that is likely enough (`cbpner.decoding.probabilities`)
  "span_threshold": 0.5,    for spans: how likely
  "agreement": 0.1,         see `cbpner.decoding.document_vote`; 0: each place for itself
  "agreement_peak": 0.0,    a surface needs a place where it is so likely, and the longer of two has the place; 0: not
  "context": 0,             neighbouring sentences are read together, as many as fit into so many tokens; 0: each alone
  "max_length": 512,        tokens that are read together at most, with [CLS] and [SEP]
  "lexicon_bonus": 0.0,     by how much the characters of names in the model's lexicon.tsv score higher; 0: without
  "temperature": 1.0        of the probabilities that are told as scores; decoding does not depend on it
}
```

A key that is missing means what `Decision` has; a model without any of it decodes by Viterbi.
"""

from dataclasses import asdict, dataclass, fields, replace

from cbpner.base.errors import InputError

KEY = "cbpner"
LEXICON = "lexicon.tsv"  # beside config.json: names as `cbpner.decoding.lexicon` reads them
DECODERS = ("viterbi", "greedy", "spans")
DEFAULT_THRESHOLD = 0.5
SHORTEST = 8  # tokens of a window


@dataclass(frozen=True)
class Decision:
    """The content of a model's `cbpner` entry, see above; InputError for values that make no sense."""

    decode: str = "viterbi"
    span_threshold: float = DEFAULT_THRESHOLD
    agreement: float = 0.0
    context: int = 0
    max_length: int = 512
    temperature: float = 1.0
    lexicon_bonus: float = 0.0
    agreement_peak: float = 0.0

    def __post_init__(self):
        if self.decode not in DECODERS:
            raise InputError(f"found decode {self.decode!r}; expected one of {', '.join(DECODERS)}")
        for name in (field.name for field in fields(self) if field.type is not str):
            value, kind = getattr(self, name), "a whole number" if name in ("context", "max_length") else "a number"
            if isinstance(value, bool) or not isinstance(value, int if kind == "a whole number" else int | float):
                raise InputError(f"found {name} {value!r}; expected {kind}")
        if not 0.5 <= self.span_threshold < 1:
            raise InputError(f"found span_threshold {self.span_threshold}; expected at least 0.5 and below 1")
        for name in ("agreement", "agreement_peak"):
            if not 0 <= getattr(self, name) <= 1:
                raise InputError(f"found {name} {getattr(self, name)}; expected 0 to 1")
        if self.agreement_peak and not self.agreement:
            raise InputError(f"found agreement_peak {self.agreement_peak} without agreement; expected both or neither")
        if not self.temperature > 0 or self.temperature == float("inf"):
            raise InputError(f"found temperature {self.temperature}; expected a number above 0")
        if not 0 <= self.lexicon_bonus < float("inf"):
            raise InputError(f"found lexicon_bonus {self.lexicon_bonus}; expected a number of at least 0")
        if self.max_length < SHORTEST:
            raise InputError(f"found max_length {self.max_length}; expected {SHORTEST} or more")
        if not 0 <= self.context <= self.max_length:
            raise InputError(f"found context {self.context}; expected 0 to max_length, {self.max_length}")

    def override(self, **values):
        """The decision with the values that are not None. A threshold alone means that spans are decoded by it.

        `greedy` is what transformers' pipeline does: each sentence, and each place, for itself, unless asked otherwise.
        """
        given = {name: value for name, value in values.items() if value is not None}
        if "span_threshold" in given:
            given.setdefault("decode", "spans")
        if given.get("decode") == "greedy":
            given = {"agreement": 0.0, "context": 0, "lexicon_bonus": 0.0} | given
        if given.get("agreement") == 0:
            given.setdefault("agreement_peak", 0.0)
        return replace(self, **given)


def describe_decision(recipe, temperature=1.0) -> dict:
    """The entry of a model that was trained under a `cbpner.training.recipes.Recipe`."""
    decision = Decision(
        decode="spans" if recipe.span_threshold else recipe.decoder,
        span_threshold=recipe.span_threshold or DEFAULT_THRESHOLD,
        agreement=recipe.agreement,
        agreement_peak=recipe.agreement_peak,
        context=recipe.context,
        max_length=recipe.max_length,
        lexicon_bonus=recipe.lexicon_bonus if recipe.lexicon else 0.0,
        temperature=temperature,
    )
    return asdict(decision)


def read_decision(config, place) -> Decision:
    """The decision of a model's configuration (a dict); place: its file, for messages."""
    entry = config.get(KEY, {})
    names = [field.name for field in fields(Decision)]
    if not isinstance(entry, dict) or not set(entry) <= set(names):
        raise InputError(f"{place}: found {KEY!r}: {entry!r}; expected an object with fields of {', '.join(names)}")
    limit = config.get("max_position_embeddings", Decision.max_length)
    try:
        return Decision(**{"max_length": min(Decision.max_length, limit)} | entry)
    except InputError as error:
        raise InputError(f"{place}: {error}") from error
