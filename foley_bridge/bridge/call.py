"""``foley-call [--follow] REQUEST.json [REPLY.json]``: one request to the daemon, for hosts whose language has no ZeroMQ.

It is started for every request, so it imports nothing that starts slowly: the standard library, ZeroMQ, and the client.
Whatever happens, the reply file appears, whole, for a host may be polling for it; only when it cannot be written is stderr all
there is.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from foley_bridge import __version__
from foley_bridge.bridge import wire
from foley_bridge.bridge.awaiting import Waiting, Withdrawn, wait_for_apply
from foley_bridge.bridge.call_files import as_json, beside, make_way, read_request, take_inline, write_whole
from foley_bridge.bridge.client import Client
from foley_bridge.bridge.following import Run, follow
from foley_bridge.errors import BridgeError, FoleyError, InternalError

OK, REFUSED, NOT_ASKED = 0, 1, 2
STOPPED = 130
LONGEST_TIMEOUT_S = 86400.0
OWN_METHODS = ("start", "doctor")
"""That are answered here; the daemon does not know them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run once; returns the exit status: 0 the reply is ``ok``, 1 it is an error, 2 nobody was asked or nobody answered."""
    args = _parser().parse_args(argv)
    reply_file = args.reply or beside(args.request, ".reply.json")
    try:
        make_way(reply_file, args.request)
        header, payload, status = _ask(args)
        try:
            reply = as_json(header, payload)
        except FoleyError as error:
            reply, status = as_json(wire.refusal(None, error), None), REFUSED
        write_whole(reply_file, reply)
    except BridgeError as error:
        print(f"foley-call: {error.message}\n  what to do: {error.hint}", file=sys.stderr)
        return NOT_ASKED
    except (KeyboardInterrupt, Withdrawn):
        return STOPPED
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="foley-call",
        description="Send one request to the foley-bridge daemon and write its reply to a file, whole or not at all.",
        epilog="Exit status: 0 the reply is ok, 1 it is an error, 2 nobody was asked or nobody answered. "
        "The protocol is in docs/protocol.md.",
    )
    parser.add_argument("request", type=Path, metavar="REQUEST.json", help="the request to send")
    parser.add_argument(
        "reply",
        type=Path,
        nargs="?",
        metavar="REPLY.json",
        help="where the reply goes [beside the request: REQUEST.reply.json]; what lies there is removed first",
    )
    parser.add_argument(
        "--follow",
        action="store_true",
        help="of a submit: follow the job to its end and reply with its result; of choices: wait until they were applied, and "
        "reply with what that gave; REQUEST.progress.json says how far it is, and a file REQUEST.cancel ends it",
    )
    parser.add_argument("--endpoint", help="of the daemon [FOLEY_BRIDGE_ENDPOINT, or tcp://127.0.0.1:5577]")
    parser.add_argument("--timeout", type=_seconds, metavar="SECONDS", help="how long the reply may take")
    parser.add_argument("--keys", type=Path, metavar="DIR", help="folder with this seat's keys [FOLEY_BRIDGE_KEYS]")
    parser.add_argument("--seat", metavar="NAME", help="whose keys [FOLEY_BRIDGE_SEAT]")
    parser.add_argument("--home", metavar="DIR", help="foley_bridge's own folder, for start and doctor [FOLEY_BRIDGE_HOME]")
    parser.add_argument("--library", metavar="DIR", help="the sound library, for start and doctor [FOLEY_BRIDGE_LIBRARY]")
    parser.add_argument("--version", action="version", version=f"foley-call {__version__}")
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value <= LONGEST_TIMEOUT_S:
        raise ValueError
    return value


def _ask(args: argparse.Namespace) -> tuple[dict[str, Any], bytes | None, int]:
    """The reply's header and payload, and the exit status; an error of ours when nobody was asked."""
    request: dict[str, Any] = {}
    fault: FoleyError
    try:
        request = read_request(args.request)
        header, found = _answer(request, take_inline(request), args)
        return header, found, OK if header.get("ok") is True else REFUSED
    except FoleyError as error:
        fault = error
    except Withdrawn:
        raise
    except Exception as error:  # a fault of ours, but a host is waiting for the file
        fault = InternalError(f"{type(error).__name__}: {error}", "please report this, with the request file")
    request_id = request.get("id")
    return wire.refusal(request_id if isinstance(request_id, str) else None, fault), None, NOT_ASKED


def _answer(request: dict[str, Any], payload: bytes | None, args: argparse.Namespace) -> tuple[dict[str, Any], bytes | None]:
    """The reply's header and payload.

    Raises:
        FoleyError: nobody was asked, or nobody answered.
    """
    keys, seat = args.keys or os.environ.get("FOLEY_BRIDGE_KEYS"), args.seat or os.environ.get("FOLEY_BRIDGE_SEAT")
    who: dict[str, Any] = {"endpoint": args.endpoint, "keys": Path(keys) if keys else None, "seat": seat}
    if request.get("method") in OWN_METHODS:
        from foley_bridge.bridge.call_methods import answer

        for name, value in (("FOLEY_BRIDGE_HOME", args.home), ("FOLEY_BRIDGE_LIBRARY", args.library)):
            if value is not None:
                os.environ[name] = value
        return answer(request, **who), None
    if args.follow and request.get("method") == "submit":
        run = Run(args.request)
        with Client(**who, meanwhile=run.look) as client:
            return follow(client, request, payload, run, args.timeout), None
    if args.follow and request.get("method") == "choices":
        waiting = Waiting(args.request)
        with Client(**who, meanwhile=waiting.look) as client:
            return wait_for_apply(client, request, waiting), None
    with Client(**who) as client:
        return client.exchange(request, payload, args.timeout)


if __name__ == "__main__":
    sys.exit(main())
