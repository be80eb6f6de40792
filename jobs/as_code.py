"""What the form of a new job says, as the call of the API that asks for the same."""

from __future__ import annotations

import json
import shlex

from jobs.forms import NewJob

# What to send in place of files that are not chosen yet.
EXAMPLES = {"reference_video": "clip.mp4", "source_image": "face.jpg", "driving_audio": "song.mp3"}
CHOICES = ["mode", "quality", "aspect_ratio"]

Fields = list[tuple[str, str]]


def fields_of(form: NewJob) -> Fields:
    """Return what the API takes beside files; the form is one that was looked at, and may lack something."""
    said = form.cleaned_data
    fields = [(name, said[name]) for name in CHOICES if name in said]
    fields += [("enable_4k", "true")] if said.get("enable_4k") else []
    fields += [(name, str(key)) for name, key in form.ids()]
    fields += [("faces", said["faces"])] if said.get("faces") else []
    times = {"start": said.get("trim_start"), "end": said.get("trim_end")}
    part = {name: time for name, time in times.items() if time is not None}
    return [*fields, ("trim", json.dumps(part))] if part else fields


def curl(form: NewJob, address: str) -> str:
    files = [(field, f"@{EXAMPLES[field]}") for field in form.missing()]
    parts = [f"-F {shlex.quote(f'{name}={value}')}" for name, value in [*fields_of(form), *files]]
    head = [f"curl -sS --fail-with-body {shlex.quote(address)}", '-H "Authorization: Bearer $API_KEY"']
    return " \\\n  ".join([*head, *parts])


def python(form: NewJob, address: str) -> str:
    fields = [f"        ({quoted(name)}, {quoted(value)})," for name, value in fields_of(form)]
    files = [f'        "{field}": open("{EXAMPLES[field]}", "rb"),' for field in form.missing()]
    lines = [
        "import os",
        "import requests",
        "",
        "answer = requests.post(",
        f"    {quoted(address)},",
        """    headers={"Authorization": f"Bearer {os.environ['API_KEY']}"},""",
        "    data=[",
        *fields,
        "    ],",
        *(["    files={", *files, "    },"] if files else []),
        ")",
        "print(answer.json())",
    ]
    return "\n".join(lines)


def quoted(text: str) -> str:
    return repr(text) if '"' in text else json.dumps(text)
