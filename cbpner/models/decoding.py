"""From scores per character to tags: windows through the model, joined again, decoded under the BIO grammar."""

import numpy as np
import torch

from cbpner.batching import pad, sorted_batches
from cbpner.models.crf import FORBIDDEN, viterbi
from cbpner.segment import join_windows, overlapping_windows

OVERLAP = 64  # characters that neighbouring windows of a long text share


@torch.no_grad()
def score_texts(model, table, texts, *, batch_tokens, max_length, context, padding="longest"):
    """Log-probabilities (characters, labels), float32, of each text, in order. Texts of any length, none empty.

    context: a function that gives the autocast context of a forward pass. padding: `longest` of the batch, or
    `max_length` for every window.
    """
    model.eval()
    ids = [table.encode(text) for text in texts]
    windows = [overlapping_windows(len(row), max_length - 2, min(OVERLAP, (max_length - 2) // 4)) for row in ids]
    places = [(text, window) for text, spans in enumerate(windows) for window in spans]
    rows = [wrap(table, ids[text][start:end]) for text, (start, end) in places]
    chunks = [None] * len(rows)
    budget = max(batch_tokens, max_length)
    for batch in sorted_batches([len(row) for row in rows], budget):
        scores = score_rows(
            model, table, [rows[i] for i in batch], context, max_length if padding == "max_length" else 0
        )
        for index, row in zip(batch, scores, strict=True):
            chunks[index] = row[1 : len(rows[index]) - 1]
    chunks = iter(chunks)
    return [
        join_scores(spans, [next(chunks) for _ in spans], len(row)) for spans, row in zip(windows, ids, strict=True)
    ]


def wrap(table, ids):
    return np.concatenate(([table.cls], ids, [table.sep]))


def score_rows(model, table, rows, context, width=0):
    """(batch, tokens, labels) log-probabilities as a numpy array."""
    ids = pad(rows, table.pad, width).to(model.device)
    with context():
        logits = model(input_ids=ids, attention_mask=ids.ne(table.pad).long()).logits
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
        moves = np.where(labels.transitions(), 0.0, FORBIDDEN) if crf is None else crf.moves()
        end, paths = None if crf is None else crf.end, [None] * len(scores)
        order = np.argsort([len(row) for row in scores], kind="stable")
        for start in range(0, len(order), batch):
            chosen = order[start : start + batch]
            for index, path in zip(chosen, viterbi([scores[i] for i in chosen], moves, end), strict=True):
                paths[index] = path
    return [[labels.tags[number] for number in path] for path in paths]
