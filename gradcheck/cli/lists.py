"""`gradcheck checks`, `gradcheck targets` and `gradcheck mistakes`: what there is, as tables."""

from gradcheck.cli.group import main


@main.command()
def checks() -> None:
    """List the checks with their equations, and the regimes of problems."""
    from gradcheck import reports
    from gradcheck.checks import CHECKS
    from gradcheck.regimes import REGIMES

    console, words = reports.console(), reports.words
    table = reports.terminal.plain_table("check", "eq.", "claim", fold=("claim",))
    for check in CHECKS.values():
        table.add_row(check.name, words.equations(check), check.claim)
    console.print(table)
    console.print()
    table = reports.terminal.plain_table("regime", "posed", "problems", fold=("problems",))
    for regime in REGIMES.values():
        table.add_row(regime.name, "on request" if regime.opt_in else "always", regime.what)
    console.print(table)


@main.command()
def targets() -> None:
    """List the built-in targets, and how to install what is missing."""
    from gradcheck import reports
    from gradcheck.implementations import BUILT_IN

    table = reports.terminal.plain_table("target", "what", "here", fold=("what", "here"))
    for name, target in BUILT_IN.items():
        table.add_row(name, target.what, "yes" if target.installed else f'pip install "gradcheck[{target.extra}]"')
    reports.console().print(table)


@main.command()
def mistakes() -> None:
    """List the mistakes that a diagnosis can name: what each computes, and how it is mended."""
    from gradcheck import reports
    from gradcheck.mistakes import MISTAKES

    console = reports.console()
    table = reports.terminal.plain_table("mistake", "what it computes", "fix", fold=("what it computes", "fix"))
    for name, mistake in MISTAKES.items():
        table.add_row(name, mistake.what.replace("{value}", "c"), mistake.fix)
    console.print(table)
