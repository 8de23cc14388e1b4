"""The command that says what is wrong with a run, why, and what to try next."""

from typing import Annotated, Any

import typer

from engine.cli.terminal import AsJson, people, print_json, says_what_is_wrong
from engine.diagnosis.finding import Finding
from engine.diagnosis.of_run import diagnose_run
from engine.recipe import recipe_source, recipe_to_dict


@says_what_is_wrong
def diagnose(
    run: Annotated[str, typer.Argument(help="A run's name or folder; `python -m engine runs` lists them.")],
    as_json: AsJson = False,
) -> None:
    """Say what is wrong with a training run, why, and what to try next."""
    found = diagnose_run(run)
    for finding in found.findings:
        people.print(f"\n{finding.title} ({finding.sure}, {_where(finding)})", soft_wrap=True)
        for part in (finding.seen, finding.why, f"Try next: {finding.advice}"):
            people.print(part, soft_wrap=True)
        if finding.remedy:
            people.print(f"As a recipe, with {finding.remedy.what}:", soft_wrap=True)
            people.print(recipe_source(finding.remedy.recipe), soft_wrap=True)
    if not found.findings:
        people.print("Nothing stands out.")
    for unclear in found.unclear:
        people.print(f"Can't tell yet – {unclear.title.lower()}: {unclear.reason}", soft_wrap=True)
    told = {"findings": [_told(one) for one in found.findings]}
    print_json(as_json, {**told, "unclear": [{"name": one.name, "reason": one.reason} for one in found.unclear]})


def _where(finding: Finding) -> str:
    first, last = finding.where
    return f"step {last:.0f}" if first == last else f"steps {first:.0f} to {last:.0f}"


def _told(finding: Finding) -> dict[str, Any]:
    remedy = finding.remedy and {"what": finding.remedy.what, "recipe": recipe_to_dict(finding.remedy.recipe)}
    words = {name: getattr(finding, name) for name in ("name", "title", "seen", "why", "advice", "sure")}
    return {**words, "where": list(finding.where), "remedy": remedy}
