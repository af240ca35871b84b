"""A simulated UIManager with a user in front of it: windows, their elements and events, a timer.

Only what its documentation and published scripts show is there; anything else raises. The user is a list of things to do, one
each time that the dispatcher's loop would wait for him: ``"OK"`` (click the button of that name), ``("Line", "typed", "OK")``
(type into an element first), or a function of the windows that are open, which gives one of these or None, for nothing yet.
"""

from __future__ import annotations

import time
from typing import Any

from resolve_remote import Simulation

ELEMENTS = {
    "Label": {"ID", "Text", "WordWrap", "Weight", "Alignment", "StyleSheet"},
    "Button": {"ID", "Text", "Weight", "Enabled"},
    "LineEdit": {"ID", "Text", "PlaceholderText", "Weight"},
    "Slider": {"ID", "Minimum", "Maximum", "Value", "Enabled", "Orientation", "StyleSheet", "Weight"},
    "VGroup": {"ID", "Weight", "Spacing"},
    "HGroup": {"ID", "Weight", "Spacing"},
    "Timer": {"ID", "Interval", "SingleShot", "Events"},
}
WINDOW = {"ID", "WindowTitle", "Geometry"}


class Element:
    """One element; its attributes are read and set as on the real ones, and no others."""

    def __init__(self, kind: str, told: dict[str, Any], children: list[Any]) -> None:
        unknown = set(told) - ELEMENTS[kind]
        if unknown:
            raise Simulation(f"a {kind} has no {sorted(unknown)}")
        self.__dict__.update(_kind=kind, _told=dict(told), _children=children)

    def __getattr__(self, name: str) -> Any:
        if name not in ELEMENTS[self._kind]:
            raise Simulation(f"a {self._kind} has no {name}")
        return self._told.get(name)

    def __setattr__(self, name: str, value: Any) -> None:
        if name not in ELEMENTS[self._kind]:
            raise Simulation(f"a {self._kind} has no {name}")
        self._told[name] = value

    def all(self) -> list[Element]:
        return [self, *(inner for child in self._children for inner in child.all())]


class Timer(Element):
    running = False

    def Start(self) -> None:
        self.__dict__["running"] = True

    def Stop(self) -> None:
        self.__dict__["running"] = False


class UIManager:
    def __init__(self) -> None:
        self.timers: list[Timer] = []

    def __getattr__(self, kind: str) -> Any:
        if kind not in ELEMENTS:
            raise Simulation(f"UIManager has no {kind}")

        def make(*given: Any) -> Element:
            told = next((one for one in given if isinstance(one, dict)), {})
            children = next((one for one in given if isinstance(one, list)), [])
            if kind != "Timer":
                return Element(kind, told, children)
            self.timers.append(Timer(kind, told, children))
            return self.timers[-1]

        return make


class Events:
    """``window.On.ID.Clicked = f`` and ``window.On[ID].Clicked = f``."""

    def __init__(self) -> None:
        self.handlers: dict[tuple[str, str], Any] = {}

    def __getitem__(self, name: str) -> Handlers:
        return Handlers(self, name)


class Handlers:
    def __init__(self, events: Events, name: str) -> None:
        self.__dict__.update(_events=events, _name=name)

    def __setattr__(self, event: str, handler: Any) -> None:
        if event not in ("Clicked", "Close"):
            raise Simulation(f"no event {event}")
        self._events.handlers[self._name, event] = handler


class Window:
    def __init__(self, told: dict[str, Any], content: Element) -> None:
        if set(told) - WINDOW:
            raise Simulation(f"a window has no {sorted(set(told) - WINDOW)}")
        self.told, self.content, self.On, self.shown = told, content, Events(), False

    def Show(self) -> None:
        self.shown = True

    def Hide(self) -> None:
        self.shown = False

    def GetItems(self) -> dict[str, Element]:
        return {element.ID: element for element in self.content.all() if element.ID}

    def text(self) -> str:
        """What a user reads in it."""
        labels = [element for element in self.content.all() if element._kind == "Label"]
        return "\n".join(str(label.Text) for label in labels)


class DispatcherEvents:
    Timeout: Any = None


class Dispatcher:
    """``bmd.UIDispatcher(ui)``, with the user in ``bmd``."""

    def __init__(self, bmd: Bmd, ui: UIManager) -> None:
        self._bmd, self._ui, self._inside, self._over = bmd, ui, False, False
        self.On = DispatcherEvents()

    def AddWindow(self, told: dict[str, Any], content: Element) -> Window:
        self._bmd.windows.append(Window(told, content))
        return self._bmd.windows[-1]

    def RunLoop(self) -> None:
        if self._inside:
            raise Simulation("a loop inside a loop")
        self._inside, self._over = True, False
        while not self._over:
            ticking = [timer for timer in self._ui.timers if timer.running]
            if self._bmd.user_acts():
                continue
            if not ticking:
                raise Simulation(f"nobody clicks: {[window.text() for window in self._bmd.open()]}")
            time.sleep(ticking[0].Interval / 1000)
            self.On.Timeout({"who": ticking[0].ID})
        self._inside = False

    def ExitLoop(self) -> None:
        self._over = True


class Bmd:
    """The module ``bmd`` of a script, and the user."""

    def __init__(self, *to_do: Any) -> None:
        self.to_do = list(to_do)
        self.windows: list[Window] = []
        self.read: list[str] = []  # what the user read before each thing he did

    def UIDispatcher(self, ui: UIManager) -> Dispatcher:
        return Dispatcher(self, ui)

    def open(self) -> list[Window]:
        return [window for window in self.windows if window.shown]

    def user_acts(self) -> bool:
        """One thing, in the window on top; False when there is nothing to do yet."""
        wish = self.to_do[0] if self.to_do and self.open() else None
        act = wish(self.open()) if callable(wish) else wish
        if act is None:
            return False
        if not isinstance(act, tuple):
            act = (act,)
        window = self.open()[-1]
        name = act[-1]
        if (name, "Clicked") not in window.On.handlers:
            return False  # not in this window
        self.to_do.pop(0)
        self.read.append(window.text())
        if len(act) == 3:
            window.GetItems()[act[0]].Text = act[1]
        window.On.handlers[name, "Clicked"]({"who": name})
        return True


class Fusion:
    """The object ``fusion`` of a script."""

    def __init__(self, folder: str | None = None) -> None:
        self.UIManager = UIManager()
        self._folder = folder

    def RequestDir(self) -> str | None:
        return self._folder
