"""Logs: loguru for everything, one line a record, text or JSON."""

import inspect
import json
import logging
import sys
import traceback
from typing import TYPE_CHECKING, TextIO

from loguru import logger

if TYPE_CHECKING:
    from loguru import Message, Record

TEXT_FORMAT = (
    "<green>{time:HH:mm:ss.SSS}</green> <level>{level: <7}</level> "
    "<cyan>{extra[where]}</cyan>{extra[text]}\n"
)
UNPRINTABLE = (*range(0x20), *range(0x7F, 0xA0), 0x2028, 0x2029)
ESCAPES = {code: f"\\u{code:04x}" for code in UNPRINTABLE} | str.maketrans(
    {"\t": "\t", "\n": r"\n", "\r": r"\r"}
)
"""How a log shows control characters and line breaks: what a client said must neither forge lines
nor steer the terminal of who reads them."""
QUIET_LIBRARIES = ("pipecat", "aiortc", "aioice", "alembic")
"""Libraries that tell of what is normal here (a call without video); from INFO on only their errors
are shown. What goes wrong in a call is an event, and logged as such."""
QUIET_FROM = "INFO"


class _StandardLogging(logging.Handler):
    """Hands records of the standard library's logging to loguru."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on, with its own level and origin."""
        level: str | int = record.levelno
        if record.levelname in logging.getLevelNamesMapping():
            level = record.levelname
        frame, depth = inspect.currentframe(), 0
        while frame and (depth == 0 or frame.f_code.co_filename == logging.__file__):
            frame, depth = frame.f_back, depth + 1
        logger.opt(depth=depth, exception=record.exc_info).log(level, "{}", record.getMessage())


def configure_logs(
    level: str,
    log_format: str,
    stream: TextIO | None = None,
    *,
    process: str | None = None,
    words: bool = True,
) -> None:
    """Send every log line to `stream` (standard error unless given).

    Args:
        level: The least serious level that is shown, as in `VOICE_AGENT_LOG_LEVEL`.
        log_format: `text` for people, `json` for machines: one object a line.
        stream: Where to write.
        process: The name of this process, shown in every line; None where it is alone.
        words: Whether what was said may be in it: libraries tell it at DEBUG.
    """
    stream = stream or sys.stderr
    shown = logger.level(level).no
    is_quiet = shown >= logger.level(QUIET_FROM).no or not words
    library_level = logger.level("ERROR").no if is_quiet else shown

    def is_wanted(record: "Record") -> bool:
        name = (record["name"] or "").partition(".")[0]
        return name not in QUIET_LIBRARIES or record["level"].no >= library_level

    logger.remove()
    logger.configure(extra={"process": process} if process else {})
    if log_format == "json":

        def write(message: "Message") -> None:
            stream.write(_as_json(message.record) + "\n")
            stream.flush()

        logger.add(write, level=level, filter=is_wanted, format="{message}", diagnose=False)
    else:
        logger.add(stream, level=level, filter=is_wanted, format=_as_text, diagnose=False)
    logging.basicConfig(handlers=[_StandardLogging()], level=logging.INFO, force=True)


def _as_text(record: "Record") -> str:
    """Return the format of `record`, after adding what it shows; a traceback is indented below."""
    extra = record["extra"]
    names = filter(None, (extra.get("process"), extra.get("session_id")))
    extra["where"] = "".join(f"[{name}] " for name in names).translate(ESCAPES)
    lines = [record["message"], *(f"  {line}" for line in _traceback(record).split("\n") if line)]
    extra["text"] = "\n".join(line.translate(ESCAPES) for line in lines)
    return TEXT_FORMAT


def _as_json(record: "Record") -> str:
    entry = {
        "time": record["time"].isoformat(),
        "level": record["level"].name,
        "logger": record["name"],
        "message": record["message"],
        **record["extra"],
    }
    if record["exception"] is not None:
        kind, value, _ = record["exception"]
        entry["exception"] = "".join(traceback.format_exception_only(kind, value)).strip()
        entry["traceback"] = _traceback(record)
    return json.dumps(entry, ensure_ascii=False, default=str).translate(ESCAPES)


def _traceback(record: "Record") -> str:
    """Return where it went wrong, without the values of variables: some are tokens and keys."""
    if record["exception"] is None:
        return ""
    return "".join(traceback.format_exception(*record["exception"]))
