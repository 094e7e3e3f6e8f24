"""Settings as command-line options, so that `serve` and `doctor` take the same ones."""

import inspect
from collections.abc import Callable, Mapping
from typing import Annotated, Any

import typer

OPTIONS: Mapping[str, str] = {
    "host": "Address to listen on.",
    "port": "Port to listen on; 0 takes any free one.",
    "workers": "How many processes take calls.",
    "tls": "HTTPS with 'self-signed' or with cert.pem[,key.pem].",
    "public_url": "The address people reach it by.",
    "auth": "'off', or 'required' to let in only who shows a key or signs in.",
    "device_port": "A port for one device without HTTP.",
    "profile": "Providers to start from, for example 'embedded'.",
    "agents_dir": "Directory of agent files.",
    "default_agent": "Agent that answers when a client names none.",
    "transports": "What to offer, in order: webrtc,websocket.",
    "max_sessions": "How many sessions at once.",
    "data_dir": "Where secret key and certificate are kept.",
    "log_level": "TRACE, DEBUG, INFO, WARNING, ERROR or CRITICAL.",
    "log_format": "'text' or 'json'.",
}
"""Settings fields that have an option, with its help. The values are checked by `Settings`."""

FLAG = "allow_unauthenticated"


def takes_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options to a command, which gets those that were given as a dict, `options`."""
    own = [
        parameter
        for parameter in inspect.signature(command).parameters.values()
        if parameter.name != "options"
    ]
    added = [_option(field, help_text) for field, help_text in OPTIONS.items()]
    flag_help = "Listen beyond this machine although nobody is asked who they are."
    flag_type = Annotated[bool | None, typer.Option(f"--{FLAG.replace('_', '-')}", help=flag_help)]
    added.append(_parameter(FLAG, flag_type))

    def with_settings(**given: Any) -> None:
        options = {name: given.pop(name) for name in (*OPTIONS, FLAG)}
        command(options={k: v for k, v in options.items() if v is not None}, **given)

    signature = inspect.Signature([*own, *added])
    with_settings.__name__ = command.__name__
    with_settings.__doc__ = command.__doc__
    setattr(with_settings, "__signature__", signature)  # noqa: B010 - unknown to type checkers
    with_settings.__annotations__ = {p.name: p.annotation for p in signature.parameters.values()}
    return with_settings


def _option(field: str, help_text: str) -> inspect.Parameter:
    option = typer.Option(f"--{field.replace('_', '-')}", help=help_text, metavar="VALUE")
    return _parameter(field, Annotated[str | None, option])


def _parameter(name: str, annotation: Any) -> inspect.Parameter:
    return inspect.Parameter(
        name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation
    )
