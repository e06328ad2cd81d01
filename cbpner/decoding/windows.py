"""From scores per character to tags: windows through the model, joined again, decoded under the BIO grammar."""

import numpy as np

from cbpner.decoding.probabilities import make_chain
from cbpner.decoding.viterbi import viterbi
from cbpner.text.batches import pad_rows, sorted_batches
from cbpner.text.segments import join_windows, overlapping_windows

OVERLAP = 64  # characters that neighbouring windows of a long text share


def score_texts(model, table, texts, *, batch_tokens, max_length, context, padding="longest", store=None):
    """Log-probabilities (characters, labels), float32, of each text, in order. Texts of any length, none empty.

    context: a function that gives the autocast context of a forward pass. padding: `longest` of the batch, or
    `max_length` for every window. store: a `cbpner.training.features.FeatureStore` of `cut_windows`' rows, made with
    the same batch_tokens, that stands in for the model's frozen part.
    """
    import torch

    model.eval()
    windows, rows = cut_windows(table, texts, max_length)
    width = max_length if padding == "max_length" else 0

    def score(ids, batch):
        features, ids = None if store is None else store.gather(batch, ids.shape[1]), torch.from_numpy(ids)
        return score_rows(model, ids, ids.ne(table.pad), context, features)

    with torch.no_grad():
        return join_chunks(windows, score_windows(rows, score, table.pad, max(batch_tokens, max_length), width))


def score_windows(rows, score, pad_id, batch_tokens, width=0, over=map):
    """(characters, labels) of each row of token ids, without [CLS] and [SEP], in order.

    score: (ids as int64 array, numbers of the rows) -> (batch, tokens, labels), called with batches of similar length,
    padded to `width` tokens at least. over: what applies a function to a list of batches, in order.
    """

    def score_batch(batch):
        return score(pad_rows([rows[index] for index in batch], pad_id, width), batch)

    chunks, batches = [None] * len(rows), list(sorted_batches([len(row) for row in rows], batch_tokens))
    for batch, found in zip(batches, over(score_batch, batches), strict=True):
        for index, row in zip(batch, found, strict=True):
            chunks[index] = row[1 : len(rows[index]) - 1]
    return chunks


def join_chunks(windows, chunks):
    """(characters, labels) of each text from those of its windows, in order; see `cut_windows`."""
    chunks = iter(chunks)
    return [join_scores(spans, [next(chunks) for _ in spans], spans[-1][1]) for spans in windows]


def cut_windows(table, texts, max_length):
    """(the windows of each text, (start, end) in characters; the token ids of all windows, special tokens included)."""
    ids = [table.encode(text) for text in texts]
    windows = [overlapping_windows(len(row), max_length - 2, min(OVERLAP, (max_length - 2) // 4)) for row in ids]
    rows = [wrap(table, row[start:end]) for row, spans in zip(ids, windows, strict=True) for start, end in spans]
    return windows, rows


def wrap(table, ids):
    return np.concatenate(([table.cls], ids, [table.sep]))


def score_rows(model, ids, mask, context, features=None):
    """(batch, tokens, labels) log-probabilities as a numpy array; features: see `BertCrfForTokenClassification`."""
    inputs = {"input_ids": ids, "attention_mask": mask.long()} | ({} if features is None else {"features": features})
    with context():
        logits = model(**{name: value.to(model.device) for name, value in inputs.items()}).logits
    return logits.float().log_softmax(dim=-1).cpu().numpy()


def join_scores(spans, chunks, length):
    return chunks[0] if len(spans) == 1 else np.stack(join_windows(spans, chunks, length))


def decode(scores, labels, decoder="viterbi", batch=256, crf=None):
    """Tags of each text from `score_texts`' scores: the best legal BIO sequence, or (`greedy`) each one's best.

    crf: a `cbpner.models.crf.Crf`, whose scores of moves and ends then count beside the grammar. batch: texts at a
    time, of similar length.
    """
    if decoder == "greedy":
        paths = [row.argmax(axis=-1) for row in scores]
    else:
        paths = find_paths(scores, *make_chain(labels, crf), batch)
    return [[labels.tags[number] for number in path] for path in paths]


def find_paths(scores, moves, end=None, batch=256):
    """`cbpner.decoding.viterbi.viterbi` in batches of so many texts of similar length;

    the paths in the texts' order.
    """
    paths = [None] * len(scores)
    order = np.argsort([len(row) for row in scores], kind="stable")
    for start in range(0, len(order), batch):
        chosen = order[start : start + batch]
        for index, path in zip(chosen, viterbi([scores[i] for i in chosen], moves, end), strict=True):
            paths[index] = path
    return paths
