"""A TOML file that a school may have written: what stands in it, or what is wrong with it, and how to mend that."""

from __future__ import annotations

import re
import tomllib
from importlib.resources.abc import Traversable
from pathlib import Path
from typing import Any

from gateway import errors


def read(path: Path | Traversable, *, shown: str) -> tuple[str, dict[str, Any]]:
    """Give a file's text and what it says; ``shown`` is the name by which a mistake is told.

    Raises :class:`errors.BadInput` with file, line and cure.
    """
    try:
        text = path.read_bytes().decode("utf-8-sig")
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        line = re.search(r"line (\d+)", str(error))
        what, cure = f"this cannot be read as TOML: {error}.", "Look there for a quotation mark that is missing."
        raise errors.BadInput([errors.Problem(what, cure, shown, int(line[1]) if line else 0)]) from None
    except UnicodeDecodeError:
        raise errors.BadInput([errors.Problem("this is not UTF-8 text.", "Save it as UTF-8.", shown)]) from None
    except (ValueError, RecursionError):
        what = "this cannot be read as TOML: a number in it is too long, or it is nested too deeply."
        raise errors.BadInput([errors.Problem(what, "Write it as docs/ shows.", shown)]) from None
    except OSError as error:
        what = f"this file cannot be read: {error.strerror or error}."
        raise errors.BadInput([errors.Problem(what, "Look at its name and at who may read it.", shown)]) from None
