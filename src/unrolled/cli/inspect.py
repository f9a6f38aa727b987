"""``unrolled inspect``: a page on what a model learned, where it errs, and what happens inside."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from unrolled.cli.catalogue import TASKS, load_model, options_of_all
from unrolled.cli.json_report import Report, print_report
from unrolled.cli.messages import say, show
from unrolled.cli.options import with_options
from unrolled.cli.output_files import check_places
from unrolled.cli.shared_options import JsonOption, ModelArgument, NewFileArgument, output_option
from unrolled.parameters.declaration import Parameters

__all__ = ["inspect"]

if TYPE_CHECKING:
    InspectOptions = Parameters
else:
    InspectOptions = options_of_all("InspectOptions", (task.known_options for task in TASKS))


@with_options
def inspect(
    model: ModelArgument,
    file: NewFileArgument,
    options: InspectOptions,
    output: Annotated[Path, output_option("PAGE", "The page to write.")] = Path("report.html"),
    as_json: JsonOption = False,
) -> None:
    """Write a page on a model: its data, training and errors, and its gradients, gates and attention at work on a file.

    The page is one file that loads nothing: open it in a browser, and step through the gates with slider or keys.
    Looking inside needs PyTorch; without it those sections are left out.
    For example: unrolled inspect reviews.safetensors other_reviews.csv -o report.html
    """
    from unrolled.insight.report import inspect as look
    from unrolled.progress import ShareBar, person_watches
    from unrolled.runtime.atomic_write import write_atomically
    from unrolled.runtime.place import find_stream

    check_places({"--output": output}, [model, file], as_json=as_json)
    loaded, task = load_model(model)
    known = task.known(loaded, file, task.own(f"{model} is {task.called}", options, task.known_options))
    with ShareBar("inspecting", person_watches()) as bar:
        found = look(
            loaded.estimator,
            known.data,
            title=f"{model.name} on {file.name}",
            places=known.places,
            notes=known.notes,
            tell=bar,
        )
    page = found.html.encode()
    write_atomically(output, page)
    if as_json:
        said = {each.key: each.finding for each in found.sections}
        print_report(
            Report(model, file, known.notes, found={"findings": said, "left_out": found.left_out, "bytes": len(page)})
        )
        return
    show(found, to=sys.stderr if find_stream(output) == 1 else sys.stdout)
    say(*(f"left out: {name}: {reason}" for name, reason in found.left_out.items()))
    say(f"wrote {output} ({len(page) / 1024:,.0f} KB): open it in a browser")
