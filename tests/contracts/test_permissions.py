"""Every route of the URL resolver, each method, each role: the answer is the one that the table names."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from django.db import transaction
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver

from tests import factories
from tests.chests import CLASSES, SCHEME, store_chest
from tests.contracts.permissions import ALLOWED, ROLES, TABLE
from tests.packages import register
from tests.working import make_cohort

METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
# Where the site cannot serve just now (no broker, page not built), it says so to everybody.
MAY_BE_AWAY = {"readyz", "page", "page-deep"}


def routes() -> Iterator[tuple[str, str]]:
    """Yield (name, pattern) of every route but those of Django's admin."""

    def walk(patterns: Any, before: str) -> Iterator[tuple[str, str]]:
        for one in patterns:
            pattern = before + str(one.pattern)
            if isinstance(one, URLResolver):
                yield from walk(one.url_patterns, pattern)
            elif isinstance(one, URLPattern):
                is_teams = pattern.startswith("teams/<slug:team>/dicomweb/")
                yield f"team-{one.name}" if is_teams else str(one.name), pattern

    yield from ((name, pattern) for name, pattern in walk(get_resolver().url_patterns, "") if not _is_admin(pattern))


def _is_admin(pattern: str) -> bool:
    return pattern.startswith("admin/")


ROUTES = dict(routes())


LAYOUT = {"rows": 1, "columns": 1, "panes": [{"kind": "stack"}]}


class World:
    """A team with one of everything, and an account for each role."""

    def __init__(self, folder: Path) -> None:
        from medportal.archive.reading import object_path
        from medportal.archive.run_thumbnail import make_thumbnail

        self.team = factories.make_team()
        self.sessions: dict[str, str] = {}
        self.users: dict[str, Any] = {"anonymous": None}
        for role in ROLES[1:]:
            self.users[role] = factories.make_account(role, self.team)
            client = Client()
            client.force_login(self.users[role])
            self.sessions[role] = client.cookies["sessionid"].value
        self.member = factories.make_member(self.team, "viewer")
        self.newcomer = factories.make_user()
        self.cohort = make_cohort(self.team, patients=6)
        self.series = store_chest(self.team, 50, has_cancer=True, slices=3)
        make_thumbnail(self.series.pk)
        self.instance = self.series.instances.first()
        self.object = object_path(self.instance).read_bytes()
        for number in range(3):
            stage = "candidate" if number == 2 else "production"
            register(self.team, folder / str(number), turns=number, stage=stage)
        register(self.team, folder / "placer", name="placer", task="autoencoder")
        self._place()
        self.mask = self._mask()
        self.mark = self._mark()
        self.segmentation = self._segmentation()
        self.report = self._report()
        self.protocol = self._protocol()
        self.jobs = self._jobs()
        self.evaluation = self._evaluation()
        self.token = _token_of(self.users["reader"])

    def _place(self) -> None:
        """Let the series lie somewhere among others."""
        import numpy as np

        from medportal.analysis.models import Embedding

        series = self.series.__class__.objects.get(pk=self.series.pk)
        values = {"model": "placer", "version": 1, "sha256": "0" * 64, "revision": series.revision}
        vector = np.eye(1, 16, dtype="<f4").tobytes()
        Embedding.objects.create(team=self.team, series=series, vector=vector, **values)

    def _mask(self) -> Any:
        import numpy as np

        from medportal.annotations.models import Source
        from medportal.annotations.services import save_mask

        mask, segments = np.ones((3, 64, 64), np.uint8), [{"value": 1, "label": "all"}]
        return save_mask(self.series, mask, segments, source=Source.PERSON, author=None)[0]

    def _content(self) -> dict[str, Any]:
        """Return what a mark of the series says."""
        uids = {
            "series_instance_uid": self.series.series_instance_uid,
            "sop_instance_uid": self.instance.sop_instance_uid,
        }
        return {**uids, "kind": "probe", "space": "patient", "points": [[1, 2, 3]]}

    def _mark(self) -> str:
        from medportal.annotations.marks.services import save_changes

        uuid, study = uuid4(), self.series.study.study_instance_uid
        change = {"id": uuid, "revision": 0, "mark": self._content()}
        save_changes(self.member_with_rights(), self.team.slug, study, [change])
        return str(uuid)

    def _segmentation(self) -> str:
        from medportal.annotations.segmentations.services import create_segmentation

        uuid = uuid4()
        create_segmentation(self.member_with_rights(), self.series, uuid, "lungs")
        return str(uuid)

    def _protocol(self) -> str:
        from medportal.accounts.viewing.services import make_protocol

        manager, words = self.member_with_rights(), {"name": "CT", "layout": LAYOUT, "rules": {}, "rank": 1}
        return str(make_protocol(manager, self.team.slug, is_shared=True, **words).pk)

    def _report(self) -> dict[str, str]:
        """Return the UIDs of the study's measurements as an object of its own."""
        from medportal.annotations.exchange.services import store

        study = self.series.study.study_instance_uid
        return store(self.member_with_rights(), self.team.slug, study, "sr", None)[0]

    def _voxels(self) -> bytes:
        from medportal.annotations.segmentations.document import write

        segment = {"number": 1, "label": "lung", "color": "#e69f00"}
        return write({"change": str(uuid4()), "act": "brush", "segments": [segment]}, [])

    def _jobs(self) -> dict[str, Any]:
        from medportal.analysis.services import start_analysis
        from medportal.training.services import start_training

        analysis = start_analysis(
            self.member_with_rights(),
            self.team.slug,
            id=uuid4(),
            series_instance_uid=self.series.series_instance_uid,
            model="bright",
        )
        training = start_training(
            self.member_with_rights(),
            self.team.slug,
            id=uuid4(),
            cohort="chests",
            recipe="classification",
            model="chests",
        )
        return {"analysis": analysis.pk, "training": training.pk, "job": analysis.pk}

    def _evaluation(self) -> Any:
        from medportal.training.models import Evaluation

        head = {
            "format": 1,
            "task": "classification",
            "kind": "classes",
            "model": "bright",
            "version": 3,
            "split": "test",
        }
        figures = {"cohort": "chests", "cohort_version": 1, "n": 1, "groups": 1, "classes": [], "metrics": {}}
        return Evaluation.objects.create(
            id=uuid4(),
            team=self.team,
            model_name="bright",
            model_version=3,
            cohort_version=self.cohort,
            split="test",
            document=head | figures,
        ).pk

    def member_with_rights(self) -> Any:
        """Somebody who is none of the roles' accounts."""
        if not hasattr(self, "_starter"):
            self._starter = factories.make_member(self.team, "manager")
        return self._starter

    def url(self, name: str, pattern: str) -> str:
        """Return an address that matches the pattern, of things that are there."""
        if name == "page-deep":
            return "/login"
        values = {
            "team": self.team.slug,
            "user_id": self.member.pk,
            "token_id": self.token,
            "job_id": self.jobs.get(name.split("-")[0], self.jobs["job"]),
            "study_uid": self.series.study.study_instance_uid,
            "series_uid": self.series.series_instance_uid,
            "sop_instance_uid": self.report["sop_instance_uid"]
            if name == "structured-report"
            else self.instance.sop_instance_uid,
            "frame_list": "1",
            "name": "chests" if name.startswith("cohort") else "bright",
            # A candidate: it can be promoted and archived.
            "number": 1 if name.startswith("cohort") else 3,
            "set_id": self.mask.pk,
            "mark_id": self.mark,
            "segmentation_id": self.segmentation,
            "protocol_id": self.protocol,
            "evaluation_id": self.evaluation,
        }
        plain = re.sub(r"\(\?P<(\w+)>[^()]*\)", lambda m: str(values[m[1]]), pattern)
        plain = re.sub(r"<(?:\w+:)?(\w+)>", lambda m: str(values[m[1]]), plain)
        return "/" + plain.replace("^", "").replace("/?$", "/").removesuffix("$")

    def body(self, key: str) -> dict[str, Any]:
        """Return arguments of the request with which what is allowed succeeds."""
        words: dict[str, Any] = {
            "POST auth-token": self._words(),
            "POST auth-login": self._words(),
            "PATCH auth-me": {"language": "en"},
            "POST auth-password": {"old": factories.PASSWORD, "new": "another long passphrase"},
            "POST tokens": {"name": "mine"},
            "POST members": {"username": self.newcomer.username, "role": "reader"},
            "PATCH member": {"role": "reader"},
            "POST searches": {"name": "mine", "wanted": {"search": "chest"}},
            "POST cohorts": {
                "name": "chests",
                "scheme": SCHEME,
                "classes": list(CLASSES),
                "series": list(self.cohort.members.values_list("series_instance_uid", flat=True)),
            },
            "POST labels": {"series": self.series.series_instance_uid, "scheme": SCHEME, "value": "normal"},
            "POST marks": {"changes": [{"id": str(uuid4()), "revision": 0, "mark": self._content()}]},
            "POST mark-restore": {"revision": 1, "based_on": 1},
            "PUT viewer-settings": {"keys": {"length": ["l"]}},
            "POST hanging-protocols": {"name": "mine", "layout": LAYOUT, "rules": {}},
            "PATCH hanging-protocol": {"name": "CT chest", "based_on": 1},
            "POST annotations-store": {"form": "sr"},
            "POST annotations-import": {"series_instance_uid": self.report["series_instance_uid"]},
            "POST segmentations": {"id": str(uuid4()), "series_instance_uid": self.series.series_instance_uid},
            "PATCH segmentation": {"title": "both lungs", "based_on": 1},
            "POST segmentation-restore": {"revision": 1, "based_on": 1},
            "POST previews": {"id": str(uuid4()), "cohort": "chests", "recipe": "classification"},
            "POST trainings": {
                "id": str(uuid4()),
                "cohort": "chests",
                "recipe": "classification",
                "model": "chests",
            },
            "POST evaluations": {"id": str(uuid4()), "model": "bright", "cohort": "chests", "split": "train"},
            "POST similar-cases-embed": {"id": str(uuid4())},
            "PATCH similar-cases": {"is_on_arrival": True},
            "POST analyses": {
                "id": str(uuid4()),
                "series_instance_uid": self.series.series_instance_uid,
                "model": "bright",
            },
        }.get(key, {})
        if key == "POST datasets":
            return self._form({"id": str(uuid4()), "format": "npz", "cohort": "set"}, "arrays")
        if key == "POST outcomes":
            return self._form({"scheme": "death", "horizon_days": "365"}, "patient,time_days,event")
        if key == "POST segmentation-voxels":
            return {"data": self._voxels(), "content_type": "application/octet-stream"}
        if key == "POST instances":
            return {"data": self.object, "content_type": "application/dicom"}
        if "dicomweb" in key:
            data = b"--x\r\nContent-Type: application/dicom\r\n\r\n" + self.object + b"\r\n--x--\r\n"
            return {"data": data, "content_type": 'multipart/related; type="application/dicom"; boundary=x'}
        return {"data": json.dumps(words), "content_type": "application/json"}

    def _form(self, fields: dict[str, str], content: str) -> dict[str, Any]:
        parts = [f'--x\r\nContent-Disposition: form-data; name="{k}"\r\n\r\n{v}\r\n' for k, v in fields.items()]
        head = '--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\n'
        body = "".join(parts) + head + content + "\r\n--x--\r\n"
        return {"data": body.encode(), "content_type": "multipart/form-data; boundary=x"}

    def _words(self) -> dict[str, str]:
        return {"username": self.users["manager"].username, "password": factories.PASSWORD}

    def answer(self, role: str, method: str, name: str) -> Any:
        """Send the request as the role, and undo what it did."""
        client = Client(raise_request_exception=False)
        if role in self.sessions:
            client.cookies["sessionid"] = self.sessions[role]
        arguments = {} if method == "GET" else self.body(f"{method} {name}")
        # Labels are listed of a study or a series.
        query = {
            "GET labels": f"?series_instance_uid={self.series.series_instance_uid}",
            "GET annotations-export": "?form=json",
        }.get(f"{method} {name}", "")
        with transaction.atomic():
            response = client.generic(method, self.url(name, ROUTES[name]) + query, **arguments)
            transaction.set_rollback(True)
        return response


def _token_of(user: Any) -> int:
    from medportal.accounts.services import issue_token

    return issue_token(user, name="test")[0].pk


@pytest.fixture
def world(db: None, tmp_path: Path) -> World:
    """The team, and everything in it."""
    return World(tmp_path)


def _differs(expected: int | str, response: Any, name: str) -> str:
    status = response.status_code
    fine = 200 <= status < 300 or (status == 503 and name in MAY_BE_AWAY)
    if expected == ALLOWED:
        return "" if fine else f"allowed, but answered {status}: {response.content[:200]!r}"
    return "" if status == expected else f"should be {expected}, but is {status}"


def test_every_route_has_a_row_and_every_row_a_route() -> None:
    named = {key.split(" ", 1)[1] for key in TABLE}
    assert sorted(set(ROUTES) - named) == [], "routes without a row in permissions.py"
    assert sorted(named - set(ROUTES)) == [], "rows without a route"
    assert all(set(row) == set(ROLES) for row in TABLE.values())


def test_every_answer_is_the_tables(world: World) -> None:
    wrong = []
    for key, row in TABLE.items():
        method, name = key.split(" ", 1)
        for role, expected in row.items():
            if difference := _differs(expected, world.answer(role, method, name), name):
                wrong.append(f"{key} as {role}: {difference}")
    assert wrong == []


def test_no_route_has_a_method_that_the_table_does_not_know(world: World) -> None:
    known = []
    for name in ROUTES:
        for method in METHODS:
            if f"{method} {name}" not in TABLE:
                status = world.answer("manager", method, name).status_code
                if status != 405:
                    known.append(f"{method} {name}: {status}")
    assert known == []


def test_djangos_admin_is_for_administrators_alone(client_for: Callable[..., Any]) -> None:
    from django.contrib import admin

    models = admin.site._registry
    assert models
    for role in ROLES:
        client = client_for(role)
        for path in ("", *(f"{model._meta.app_label}/{model._meta.model_name}/" for model in models)):
            status = client.get(f"/admin/{path}").status_code
            assert status == (200 if role == "admin" else 302), f"{path} as {role}: {status}"


def test_an_address_that_is_none_tells_nothing(db: None) -> None:
    for path in ("/api/v1/nothing/", "/api/v1/teams/x/nothing/", "/teams/x/dicomweb/nothing"):
        response = Client().get(path)
        assert response.status_code == 404
        assert response["Content-Type"] == "application/problem+json"
