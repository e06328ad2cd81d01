"""A whole invented patent: abstract, claims, description with examples, each sentence annotated."""

import random
from itertools import count

from grammar import Writer
from lexicon import TOPICS
from templates import ABSTRACT, CLAIM_FIRST, COMMON, END, RARE, TAILS

from cbpner.text.bio import Sentence

SECTIONS = ("background", "summary", "method", "result")
OPENERS = ("此外，", "进一步地，", "具体而言，", "另外，", "同时，", "由此，")
LONG_STEPS = 11  # steps of the one very long sentence; more than 500 characters together


def write_patent(number, seed):
    """The sentences of one patent on topic `number` (modulo the number of topics)."""
    topic_number = number % len(TOPICS)
    topic = TOPICS[topic_number]
    rng = random.Random(f"{seed}/{number}")
    writer = Writer(topic, rng)
    rare = {section: [] for section in COMMON}
    for section, pattern in RARE[topic_number :: len(TOPICS)]:
        rare[section].append(pattern)
    name = f"CN{100000001 + number}A"
    sentences = [plain("Abstract"), writer.write(rng.choice(ABSTRACT)), plain("Claims")]
    sentences += write_claims(writer, rng, rare["claim"])
    sentences += [plain("Description"), plain(f"本发明属于生物技术领域，尤其涉及{topic.area}的检测与干预。")]
    sentences += write_description(writer, rng, rare, with_long=number % 3 == 0)
    return [*sentences, writer.write(END, patent=name)]


def plain(text):
    return Sentence(text, ("O",) * len(text))


def prefix(text, sentence):
    """The sentence with `text`, which is no mention, in front."""
    return Sentence(text + sentence.chars, ("O",) * len(text) + sentence.tags)


def write_claims(writer, rng, rare):
    """The numbered claims; a dependent one refers to an earlier one."""
    patterns = [rng.choice(CLAIM_FIRST), *spread(rng, rng.sample(COMMON["claim"], rng.randint(3, 5)), rare)]
    claims = []
    for number, pattern in enumerate(patterns, 1):
        claims.append(prefix(f"{number}.", writer.write(pattern, ref=choose_reference(rng, number))))
    return claims


def choose_reference(rng, number):
    """The claims that claim `number` can refer to, as text."""
    earlier = rng.randint(1, max(1, number - 1))
    if earlier == 1:
        return "1"
    return rng.choice((str(earlier), f"1或{earlier}", f"1至{earlier}中任一项" if earlier > 2 else "1"))


def spread(rng, patterns, rare):
    """The patterns in random order, those of `rare` twice, once in each half."""
    patterns = rng.sample(patterns, len(patterns))
    middle = len(patterns) // 2
    for half in (range(middle + 1, len(patterns) + 1), range(middle)):
        for pattern in rare:
            patterns.insert(rng.choice(half), pattern)
    return patterns


def write_description(writer, rng, rare, with_long):
    """The numbered paragraphs of each section; every third patent has a very long one among its methods."""
    sentences = []
    for section in SECTIONS:
        patterns = rng.sample(COMMON[section], 3) + rng.sample(COMMON["plain"], rng.randint(1, 2))
        sentences += [write_paragraph(writer, rng, pattern) for pattern in spread(rng, patterns, rare[section])]
        if section == "method" and with_long:
            sentences.append(write_long(writer, rng, rare["method"]))
    numbers = count(rng.randint(1, 40))
    return [prefix(f"[{next(numbers):04d}]", sentence) for sentence in sentences]


def write_paragraph(writer, rng, pattern):
    """The pattern's sentence, at times behind a connecting word, often with a clause or two more."""
    if not pattern.endswith("。"):
        return writer.write(pattern)
    opener = rng.choice(OPENERS) if rng.random() < 0.12 and "，" not in pattern[:8] else ""
    tails = rng.sample(TAILS, rng.choice((0, 0, 0, 1)))
    return writer.write("，".join([opener + pattern.removesuffix("。"), *tails]) + "。")


def write_long(writer, rng, rare):
    """One sentence of many steps, longer than 500 characters."""
    patterns = [*rng.sample(COMMON["method"], LONG_STEPS - len(rare)), *rare]
    steps = [writer.write(pattern) for pattern in patterns]
    while sum(len(step.chars) for step in steps) < 520:
        steps.append(writer.write(rng.choice(COMMON["method"])))
    chars, tags = "操作流程包括：", ("O",) * 7
    for number, step in enumerate(steps, 1):
        step = prefix(f"({number})", step)
        chars, tags = chars + step.chars.rstrip("。") + "；", tags + step.tags
    return Sentence(chars[:-1] + "。", tags)
