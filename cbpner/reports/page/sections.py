"""The sections of a report, each a list of parts: paragraphs, tables, charts, folds. Absent where there is nothing."""

import math

from cbpner.base.files import natural_key
from cbpner.reports.evaluate import SHOWN
from cbpner.reports.intervals import count_things
from cbpner.reports.page import charts
from cbpner.reports.page.charts import NEUTRAL, Chart, Dots
from cbpner.reports.page.comparisons import show_comparisons
from cbpner.reports.page.components import (
    MAIN,
    Headline,
    Section,
    View,
    find_best,
    list_points,
    measure_rows,
    select_rows,
)
from cbpner.reports.page.errors import show_errors, show_sentences
from cbpner.reports.page.provenance import show_curve, show_learning, show_making
from cbpner.reports.page.scores import show_casings, show_groups, show_scores, show_splits, show_types
from cbpner.reports.page.tables import Figure, format_cell
from cbpner.reports.spans import POOLED
from cbpner.reports.table import GOLD_DATA, NONE, OVERALL, summarise

PAPER_F1, PAPER_STD = 0.54, 0.15  # Hu and Verberne, COLING 2020: LM mixed fine-tuning, its best model
PAPER_SPLITS = set("01234")


def build_sections(material, with_text=True, shown=SHOWN) -> tuple[Headline, list[Section]]:
    """The headline, and the sections that have something to show. with_text: also what holds text of the gold."""
    view = make_view(material)
    makers = (
        show_scores, show_splits, show_types, show_groups, lambda v: show_errors(v, with_text, shown), show_comparisons,
        show_casings, show_curve, show_learning, lambda v: show_sentences(v, with_text), show_making,
    )  # fmt: skip
    return write_headline(view), [section for section in (maker(view) for maker in makers) if section]


def make_view(material) -> View:
    scores = material.scores
    figures, evaluation = {}, material.evaluation
    if evaluation is None:
        overall = scores[scores["type"] == OVERALL]
        for row in overall.to_dict("records"):
            figures[row["system"], "run", row["run"], row["level"], OVERALL] = Figure(row["f1"])
        for system, own in overall.groupby("system"):
            for row in summarise(own).to_dict("records"):
                figures[system, "mean", None, row["level"], OVERALL] = Figure(row["f1_mean"], std=row["f1_std"])
                if not math.isnan(row["f1_seeds"]):
                    figures[system, "seeds", None, row["level"], OVERALL] = Figure(math.nan, std=row["f1_seeds"])
        for (system, level, label), own in scores.groupby(["system", "level", "type"]):
            figures[system, POOLED, None, level, label] = Figure(measure_rows(own, "f1"))
    else:
        for row in evaluation.frames["intervals"].to_dict("records"):
            run = row["run"] if row["statistic"] == "run" else None
            key = (row["system"], row["statistic"], run, row["level"], row["type"])
            figures[key] = Figure(row["f1"], row["low"], row["high"], row["std"])
    splits = {
        name: sorted({NONE if r.config["split"] is None else str(r.config["split"]) for r in runs}, key=natural_key)
        for name, runs in material.systems.items()
    }
    types = sorted(set(scores["type"]) - {OVERALL})
    return View(material, list(material.systems), figures, splits, types)


def write_headline(view) -> Headline:
    """The best system's F1, beside the paper's where the texts are the same."""
    best, most = find_best(view), max(map(len, view.splits.values()))
    rivals = [name for name in view.names if len(view.splits[name]) == most]
    strict, lenient = (view.figures[best, "mean", None, level, OVERALL] for level in (MAIN, "entity_lenient"))
    data = {str(run.config["data"]["name"]) for run in view.material.systems[best]}
    like_paper = data == {GOLD_DATA} and set(view.splits[best]) == PAPER_SPLITS and view.material.part == "test"
    runs = view.material.systems[best]
    figures = [(strict._replace(low=math.nan), f"{best}: strict F1, {_describe_mean(view, best)}")]
    sentences = []
    if len(rivals) > 1:
        sentences.append(
            f"{best} is the best of {len(rivals)} by this very score, so that the figure flatters it a little."
        )
    if seeds := view.figures.get((best, "seeds", None, MAIN, OVERALL)):
        which = "seeds" if math.isnan(strict.std) else "seeds' means over the splits, of which ± says nothing,"
        sentences.append(f"Its {which} have a standard deviation of {seeds.std:.3f}.")
    rows = [Dots(best, view.names.index(best), list_points(view, best), strict.value, *_spread(strict))]
    if like_paper:
        figures.append((Figure(PAPER_F1, std=PAPER_STD, style=".2f"), "the paper's best model, lenient F1"))
        rows.append(Dots("the paper", NEUTRAL, [], PAPER_F1, PAPER_F1 - PAPER_STD, PAPER_F1 + PAPER_STD))
        sentences.append(_compare_with_paper(lenient, runs))
    chart = None
    if len(rows[0].points) > 1:
        label = f"Strict F1 of {best} by split" + (", and the paper's mean" if like_paper else "")
        caption = "Circles: splits. Line or diamond: the mean; around it one standard deviation on each side."
        chart = Chart(charts.draw_dots([(None, rows)], label, (0, 1)), caption, [])
    return Headline(_count_all(view), figures, chart, sentences)


def _describe_mean(view, name):
    """What the mean of a system goes over, in words."""
    rows = select_rows(view, name, MAIN, OVERALL)
    runs, sets = len(rows), rows["set"].nunique()
    if runs == 1:
        return "one run"
    if sets == 1:
        return f"mean over {count_things(runs, 'run')} on one split"
    return f"mean ± std over {count_things(sets, 'split')}" + (f", {count_things(runs, 'run')}" if runs > sets else "")


def _count_all(view):
    runs = sum(map(len, view.material.systems.values()))
    splits = len(set().union(*view.splits.values()))
    counted = [count_things(len(view.names), "method"), count_things(runs, "run"), count_things(splits, "split")]
    return f"{', '.join(counted)}; scores on the {view.material.part} sets"


def _compare_with_paper(lenient, runs):
    difference = lenient.value - PAPER_F1
    side = "above" if difference >= 0 else "below"
    encoders = ", ".join(dict.fromkeys(str(run.config["encoder"]) for run in runs))
    return (
        f"The paper (Hu and Verberne, COLING 2020) reports F1 {PAPER_F1} ± {PAPER_STD} for masked-LM fine-tuning on "
        f"patents, then NER with bert-base-chinese, at the lenient entity level on the same five splits. Only lenient "
        f"F1 may be compared with it: {format_cell(lenient._replace(low=math.nan))} here, {abs(difference):.3f} {side} "
        f"it, with the encoder {encoders}. Without its predictions no test can say whether that is more than chance. "
        f"Either ± is the spread between splits of two test patents each, not an error of the mean."
    )


def _spread(figure):
    """One standard deviation on each side of the mean; NaN where it is not known."""
    return figure.value - figure.std, figure.value + figure.std
