"""The parts of the page that are text and tables, and the places of those that scripts draw."""

from collections.abc import Collection, Mapping, Sequence
from html import escape

from betafront.front.comparison import Comparison
from betafront.front.curves import of_curves, point_of, points_or_trials, trials_of
from betafront.front.decision import causes, cautions, in_every_row, names, notes
from betafront.front.decision.confirmation.confirmed import confirmation_lines, is_confirmed
from betafront.front.floor import SAYS
from betafront.front.front import front, hypervolume
from betafront.front.front import planes as every_plane
from betafront.front.one_curve import one_curve
from betafront.front.scout import beside
from betafront.front.show.comparison import conclusions, in_cells
from betafront.front.show.report.chapter import Chapter, Shown
from betafront.front.show.standings import MEANINGS, counted, counts
from betafront.front.table import (
    DISTORTION,
    METRICS,
    RATE,
    STANDING,
    head,
    label,
    of_layers,
    present,
    text,
    units,
)
from betafront.terminal import parted

ROWS = 40  # of the front, before the rest is folded away
LISTED = 8  # trials of one standing
PICTURES = {  # of a run of images, with what they show
    "reconstructions": "images of the validation split above their reconstructions",
    "traversals": "one latent a row, the most used first, from −3 to 3",
    "samples": "drawn from the prior",
}
TEXTS = {  # of a run of sentences
    "reconstructions": "sentences of the validation split with their reconstructions, of the "
    "likeliest words (greedy) and of drawn ones (sampled)",
    "interpolations": "from the code of one sentence to that of another",
    "samples": "drawn from the prior",
}
OF_ONE_MODEL = (
    "A solid line through small marks is the curve of one model conditioned on β, trained once: "
    "its points are no runs of their own. Pictures and histories of that trial are at the β of its "
    "run."
)
CARD = '<div id="card" hidden></div>'


def header(title: str, chapters: Sequence[Chapter]) -> str:
    """The names of the studies and their questions."""
    questions = dict.fromkeys(c.facts.question for c in chapters if c.facts.question)
    asked = "".join(f"<p class=question>{escape(q)}</p>" for q in questions)
    button = '<button id="theme" title="dark or light">◐</button>'
    return f"<header>{button}<h1>{escape(title)}</h1>{asked}</header>"


def answer(chapter: Chapter, alone: bool) -> str:
    """The decision, or why there is none."""
    advice = chapter.advice
    head = "" if alone else f"<b>{escape(chapter.facts.name)}</b>"
    lines = [f"<b>{escape(a.text)}</b><br>{_dim(a.method)}" for a in advice]
    confirmation = chapter.facts.confirmation
    if is_confirmed(confirmation, chapter.table, advice):
        lines[0] = f"<b>Confirmed.</b> {lines[0]}"
    if chapter.refused:
        return f'<section class="answer">{head}{_sentence(chapter.refused)}</section>'
    more = [escape(line) for line in confirmation_lines(confirmation, chapter.table, advice)]
    more += [escape(line) for line in notes(chapter.table, chapter.facts, advice)]
    for line in cautions(chapter.table, chapter.facts, advice):
        more.append(f"<span class=caution>Careful: {escape(line)}</span>")
    rest = f"<ul><li>{'</li><li>'.join(more)}</li></ul>" if more else ""
    return f'<section class="answer">{head}<p>{"</p><p>".join(lines)}</p>{rest}</section>'


def _sentence(line: str) -> str:
    """A sentence; a command at its end has a line of its own, ready to be copied."""
    said, command = parted(line)
    pasted = f"<pre>{escape(command)}</pre>" if command else ""
    return f"<p>{escape(said)}</p>{pasted}"


def compared(found: Comparison) -> str:
    """The comparison of the groups."""
    sides, pairs = in_cells(found)
    findings = "".join(f"<li>{escape(line)}</li>" for line in conclusions(found))
    return (
        f"<section><h2>Side by side</h2><ul>{findings}</ul>{_table(*sides)}"
        f"<details><summary>Every pair of them</summary>{_table(*pairs)}</details></section>"
    )


def planes(objectives: Mapping[str, str], chapters: Sequence[Chapter] = ()) -> str:
    """The place of the planes and of their controls, and what their lines are."""
    drawn = ""
    for i, (x, y) in enumerate(every_plane(objectives)):
        names = " and ".join(label(metric).partition(" (")[0] for metric in (x, y))
        drawn += f"<h2>{escape(names)}</h2>"
        drawn += '<div class="controls" id="controls"></div>' if i == 0 else ""
        drawn += f'<div class="plot plane" data-x="{escape(x)}" data-y="{escape(y)}"></div>'
    if any(chapter.facts.floor for chapter in chapters):
        drawn += f"<p class=dim>{escape(SAYS)}</p>"
    if any(of_curves(chapter.table).any() for chapter in chapters):
        drawn += f"<p class=dim>{escape(OF_ONE_MODEL)}</p>"
    return f'<section>{drawn}<div id="picked" class="picked" hidden></div></section>'


def multiples() -> str:
    """The place of the small planes, one per group."""
    return (
        '<section hidden id="multiples"><h2>Group by group</h2><div class="controls"></div>'
        '<div class="grid"></div></section>'
    )


def one_scale(chapters: Sequence[Chapter]) -> str:
    """Rate and distortion over the canonical β, and β in every convention."""
    found = [one_curve(c.table) for c in chapters]
    said = "".join(f"<p>{escape(f.text)}</p>" for f in found if f)
    tables = "".join(_conventions(c, alone=len(chapters) == 1) for c in chapters)
    same = f"<h3>The same β in every convention</h3>{tables}" if tables else ""
    return (
        f'<section><h2>On one scale</h2>{said}<div class="grid wide" id="scale"></div>'
        f"{same}</section>"
    )


def front_of(chapter: Chapter, alone: bool) -> str:
    """The points of the front."""
    facts = chapter.facts
    members = front(chapter.table, facts.objectives)
    marks = names(chapter.advice)
    layers = [m for m in of_layers(members) if m not in facts.others]
    shown_here = [
        *facts.parameters,
        "beta",
        "beta_norm",
        *METRICS,
        *layers,
        *facts.others,
        STANDING,
    ]
    columns = present(members, shown_here)
    heads = [label(c) if c in facts.others else head(c) for c in columns]
    rows = [
        [marks.get(point_of(r), ""), str(r["trial"]), *(text(r[c]) for c in columns)]
        for r in members.to_dict("records")
    ]
    shown = _table(["", "trial", *heads], rows, {i for i, row in enumerate(rows) if row[0]})
    if len(rows) > ROWS:
        what = points_or_trials(members)
        shown = f"<details><summary>{len(rows)} {what}</summary>{shown}</details>"
    whose = "The front" if alone else f"The front of {facts.name}"
    known = f" {escape(chapter.truth.text)}." if chapter.truth else ""
    caption = f"<p class=dim>{escape(units(members))}.{known}</p>"
    return f"<section><h2>{escape(whose)}</h2>{shown}{caption}</section>"


def scouted(chapter: Chapter) -> str:
    """What was predicted of the study, beside what its trials found; nothing without a scout."""
    scout = chapter.facts.scout
    if scout is None:
        return ""
    columns, rows = beside(scout, chapter.table)
    return (
        f"<section><h2>What was predicted{_of(chapter)}</h2><p>{escape(scout.text)}</p>"
        f"{_table(columns, rows)}</section>"
    )


def standings(chapter: Chapter) -> str:
    """How the runs stand: how many in which state, and what that says; nothing where it was not
    recorded."""
    runs = chapter.table if chapter.runs.empty else chapter.runs
    said = counted(runs)
    if not said:
        return ""
    rows = [
        [state, str(n), _listed(runs.loc[runs[STANDING] == state, "trial"].unique()), means]
        for state, n in counts(runs).items()
        for means in [MEANINGS[state]]
    ]
    table = _table(["", "runs", "trials", "which says that"], rows)
    why = "".join(f"<p>{escape(told)}.</p>" for told in causes(chapter.table).values())
    return (
        f"<section class=told><h2>How the runs stand{_of(chapter)}</h2>"
        f"<p>{escape(said[0].upper() + said[1:])}.</p>{table}{why}</section>"
    )


def _listed(trials: Sequence[int]) -> str:
    """The numbers of trials, the first few of many."""
    first = ", ".join(map(str, trials[:LISTED]))
    return f"{first} and {len(trials) - LISTED} more" if len(trials) > LISTED else first


def strip(chapter: Chapter) -> str:
    """The pictures or texts of models along the front; nothing where no run has any."""
    seen = [one for one in chapter.shown if one.pictures or one.texts]
    if not seen:
        return ""
    rows = trials_of(chapter.table).set_index("trial")
    shows = [
        *(said for kind, said in PICTURES.items() if any(kind in one.pictures for one in seen)),
        *(said for kind, said in TEXTS.items() if any(kind in one.texts for one in seen)),
    ]

    def column(one: Shown) -> str:
        row = rows.loc[one.trial]
        said = f"trial {one.trial}: β = {row['beta']:.3g}, D = {row[DISTORTION]:.2f}, R = "
        said += f"{row[RATE]:.2f} nats"
        images = "".join(
            f'<img class="{kind}" alt="{kind}" title="{PICTURES[kind]}" src="{one.pictures[kind]}">'
            for kind in PICTURES
            if kind in one.pictures
        )
        texts = "".join(
            f'<pre class="{kind}" title="{TEXTS[kind]}">{escape(one.texts[kind])}</pre>'
            for kind in TEXTS
            if kind in one.texts
        )
        wide = " class=wide" if texts else ""
        return f"<figure{wide}><figcaption>{said}</figcaption>{images}{texts}</figure>"

    first = label(next(iter(chapter.facts.objectives)))
    said = f"In order of {escape(first)}: {'; '.join(shows)}."
    return (
        f"<section><h2>Along the front{_of(chapter)}</h2><p class=dim>{said}</p>"
        f'<div class="strip">{"".join(map(column, seen))}</div></section>'
    )


def training() -> str:
    """The place of the schedules and the spectra, and of the latents over training."""
    return (
        '<section hidden id="training"><h2>How they were trained, and which latents are used</h2>'
        '<div class="grid wide"></div></section>'
        '<section hidden id="latents"><h2>The latents over training</h2>'
        '<div class="controls"></div><div class="plot"></div><div class="standing"></div></section>'
    )


def search() -> str:
    """The place of the growth of the front and of the importance of the parameters."""
    return '<section id="search"><h2>The search</h2><div class="grid wide"></div></section>'


def failed(chapter: Chapter) -> str:
    """The trials that failed, and why."""
    if not chapter.failures:
        return ""
    rows = [[", ".join(map(str, f.trials)), f.reason, f.log, f.advice] for f in chapter.failures]
    head = ["trials", "reason", "log", "what to do"]
    return f"<section class=failed><h2>Failed{_of(chapter)}</h2>{_table(head, rows)}</section>"


def made(chapter: Chapter) -> str:
    """How the study was made, and the commands that go on from it."""
    facts = chapter.facts
    volume = hypervolume(chapter.table, facts.objectives, facts.reference)
    searched = f"Searched: {escape(facts.as_forecast)}." if facts.as_forecast else ""
    reference = ", ".join(f"{r:.4g}" for r in facts.reference)
    pruned = f" {escape(facts.pruned)}" if facts.pruned else ""
    counts = ", ".join(f"{n} {state}" for state, n in facts.counts.items() if n)
    commands = "".join(
        f"<tr><td>{escape(what)}</td><td><code>{escape(command)}</code></td></tr>"
        for what, command in [("this study", facts.command), *chapter.commands]
    )
    budget = "1 trial" if facts.budget == 1 else f"{facts.budget} trials"
    return (
        f"<section><h2>How it was made{_of(chapter)}</h2><p>{counts}; budget {budget}. "
        f"N = {facts.pixels} data dimensions, M = {facts.latents} latents; "
        f"{escape(facts.data)}. Hypervolume {volume:.5g} below the reference point "
        f"({reference}). {searched}{pruned}</p>"
        f'<div class="scroll"><table class="commands">{commands}</table></div></section>'
    )


def download() -> str:
    """The buttons that save the trials as files."""
    return (
        '<section class="controls"><button id="csv">All trials as CSV</button>'
        '<button id="json">as JSON</button></section>'
    )


def _of(chapter: Chapter) -> str:
    return " " + _dim(chapter.facts.name)


def _dim(text: str) -> str:
    return f"<span class=dim>{escape(text)}</span>"


def _conventions(chapter: Chapter, alone: bool) -> str:
    advice = chapter.advice
    if not advice:
        return ""
    whose = "write" if alone else f"{chapter.facts.name}: write"
    head = [whose, *(f"{a.name} (trial {a.trial})" for a in advice)]
    return _table(head, [[name, *cells] for name, cells in in_every_row(advice)])


def _table(head: Sequence[str], rows: Sequence[Sequence[str]], named: Collection[int] = ()) -> str:
    def line(cells: Sequence[str], tag: str) -> str:
        return "".join(f"<{tag}>{escape(c)}</{tag}>" for c in cells)

    body = "".join(
        f"<tr{' class=named' if i in named else ''}>{line(row, 'td')}</tr>"
        for i, row in enumerate(rows)
    )
    return (
        f'<div class="scroll"><table><thead><tr>{line(head, "th")}</tr></thead>'
        f"<tbody>{body}</tbody></table></div>"
    )
