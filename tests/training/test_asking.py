"""What can be asked of training over HTTP, and by whom; nothing is trained here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import uuid4

import pytest

from medportal.cohorts.services import Choice, freeze_version
from medportal.jobs.models import Job
from medportal.learning.recipes import STEERING
from medportal.training.models import TrainingRun
from medportal.training.serializers import RecipeFilterSerializer
from tests.chests import CLASSES, store_chest
from tests.working import make_cohort

Clients = Callable[..., Any]


@pytest.fixture
def cohort(team: Any) -> Any:
    """A frozen version of six patients."""
    return make_cohort(team, patients=6)


def ask(client: Any, team: Any, **changes: Any) -> Any:
    words = {"id": str(uuid4()), "cohort": "chests", "recipe": "classification", "model": "chests"} | changes
    return client.post(f"/api/v1/teams/{team.slug}/trainings/", words, content_type="application/json")


def test_recipes_describe_their_forms(client_for: Clients, team: Any) -> None:
    recipes = client_for("viewer").get(f"/api/v1/teams/{team.slug}/recipes/").json()
    names = ["classification", "segmentation", "detection", "autoencoder", "generation"]
    assert [recipe["name"] for recipe in recipes] == names
    recipe = recipes[0]
    assert (recipe["name"], recipe["task"]) == ("classification", "classification")
    fields = {field["name"]: field for field in recipe["fields"]}
    assert {"epochs", "learning_rate", "batch_size", "stop_metric", "stop_value", "network", "seed"} <= set(fields)
    assert (fields["epochs"]["type"], fields["epochs"]["minimum"]) == ("integer", 1)
    assert "accuracy" in fields["stop_metric"]["choices"]
    for field in [field for recipe in recipes for field in recipe["fields"]]:
        assert field["help"]
        low, high, default = field["minimum"], field["maximum"], field["default"]
        assert low is None or low <= default <= high
        assert field["choices"] is None or str(default) in field["choices"]
        assert field["type"] != "boolean" or isinstance(default, bool)


def test_what_is_not_said_is_the_recipes_default(client_for: Clients, team: Any, cohort: Any) -> None:
    researcher = client_for("researcher")
    answer = ask(researcher, team, settings={"epochs": 3, "stop_metric": "auc"})
    training = answer.json()
    assert (answer.status_code, training["job"]["state"]) == (202, "queued")
    recipes = researcher.get(f"/api/v1/teams/{team.slug}/recipes/", {"cohort": "chests"}).json()
    assert [recipe["name"] for recipe in recipes] == ["classification", "autoencoder", "generation"]
    recipe = recipes[0]
    defaults = {field["name"]: field["default"] for field in recipe["fields"]}
    assert training["config"] == defaults | {"epochs": 3, "stop_metric": "auc"}
    assert (training["cohort"], training["cohort_version"], training["version"]) == ("chests", 1, None)
    url = f"/api/v1/teams/{team.slug}/trainings/"
    viewer = client_for("viewer")
    assert viewer.get(url).json()["results"] == [training]
    assert viewer.get(f"{url}{training['job']['id']}/").json() == training


def _is_offered(recipe: dict[str, Any]) -> bool:
    return any(field["name"] == "dimensions" and "3" in field["choices"] for field in recipe["fields"])


def test_the_forms_defaults_are_those_that_run_in_three_dimensions(client_for: Clients, team: Any, cohort: Any) -> None:
    researcher = client_for("researcher")
    url = f"/api/v1/teams/{team.slug}/recipes/"
    assert set(RecipeFilterSerializer().fields) == {"cohort", "version", *STEERING}
    of_volumes = [
        one for one in researcher.get(url, {"cohort": "chests", "dimensions": "3"}).json() if _is_offered(one)
    ]
    assert [one["name"] for one in of_volumes] == ["classification"]
    for recipe in of_volumes:
        training = ask(researcher, team, recipe=recipe["name"], settings={"dimensions": "3"}).json()
        defaults = {field["name"]: field["default"] for field in recipe["fields"]}
        assert training["config"] == defaults | {"dimensions": 3}
    assert researcher.get(url, {"dimensions": "4"}).status_code == 400


def test_the_same_id_is_the_same_training(client_for: Clients, team: Any, cohort: Any) -> None:
    researcher, job = client_for("researcher"), str(uuid4())
    first, again = (ask(researcher, team, id=job) for _ in range(2))
    assert (again.status_code, again.json()["job"]["id"]) == (202, first.json()["job"]["id"])
    assert Job.objects.filter(team=team).count() == 1
    other = ask(researcher, team, id=job, settings={"epochs": 5})
    assert (other.status_code, other.json()["code"]) == (409, "job_id_taken")


def test_trainings_are_found_however_many_came_after(client_for: Clients, team: Any, cohort: Any) -> None:
    researcher = client_for("researcher")
    url = f"/api/v1/teams/{team.slug}/trainings/"

    def start(model: str, control: str = "none", recipe: str = "classification") -> str:
        answer = ask(researcher, team, model=model, recipe=recipe, settings={"control": control})
        return str(answer.json()["job"]["id"])

    def found(**query: Any) -> list[str]:
        return [one["job"]["id"] for one in researcher.get(url, query).json()["results"]]

    first = start("first")
    controls = [start("first", "shuffled-labels"), start("first", "image-border")]
    start("first", "shuffled-labels", recipe="autoencoder")
    start("other", "shuffled-labels")
    others = [start("first") for _ in range(46)]
    assert researcher.get(url).json()["count"] == 51
    assert found(page=2) == [first]
    assert found(control_of=first) == found(control_of=others[0]) == controls[::-1]
    assert found(control_of=controls[0]) == [controls[1]]
    assert found(search=f"FIRST chests {researcher.user.username} border") == [controls[1]]
    assert found(search="first nowhere") == found(cohort="others") == found(cohort="chests", version=2) == []
    assert len(found(cohort="chests", version=1)) == 50
    TrainingRun.objects.filter(pk=first).update(version=3)
    assert found(search="first v3") == [first]
    assert researcher.get(url, {"control_of": str(uuid4())}).json()["code"] == "training_not_found"


BAD_SETTINGS: dict[str, Any] = {
    "epochs": 0,
    "batch_size": 1.5,
    "learning_rate": "fast",
    "size": True,
    "stop_metric": "luck",
    "stop_value": -1,
    "flip": "perhaps",
    "network": ["resnet_small"],
    "low": 5000,
    "width": {"a": 1},
    "seed": None,
    "layers": 3,
}


@pytest.mark.parametrize("name", BAD_SETTINGS)
def test_a_bad_setting_is_refused_by_its_name(client_for: Clients, team: Any, cohort: Any, name: str) -> None:
    answer = ask(client_for("researcher"), team, settings={name: BAD_SETTINGS[name]})
    problem = answer.json()
    assert (answer.status_code, problem["code"]) == (422, "setting")
    assert answer["Content-Type"] == "application/problem+json"
    assert name in problem["detail"]
    assert not Job.objects.filter(team=team).exists()


def test_numbers_beyond_all_bounds_are_refused(client_for: Clients, team: Any, cohort: Any) -> None:
    body = f'{{"id": "{uuid4()}", "cohort": "chests", "recipe": "classification", "model": "m", "settings": %s}}'
    for settings in ('{"epochs": 1e400}', '{"learning_rate": 1e400}', '{"epochs": -1e400}', '{"stop_value": NaN}'):
        answer = client_for("researcher").post(
            f"/api/v1/teams/{team.slug}/trainings/", body % settings, content_type="application/json"
        )
        assert answer.status_code in {400, 422}, settings


REFUSED: dict[str, tuple[dict[str, Any], int, str]] = {
    "no such cohort": ({"cohort": "nothing"}, 404, "cohort_not_found"),
    "no such version": ({"cohort_version": 9}, 404, "cohort_version_not_found"),
    "no such recipe": ({"recipe": "astrology"}, 422, "recipe"),
    "a name that no package bears": ({"model": "My_Model"}, 422, "model_name"),
    "a name with a path": ({"model": "../x"}, 400, "invalid"),
    "no id": ({"id": "1"}, 400, "invalid"),
}


@pytest.mark.parametrize("fault", REFUSED)
def test_what_cannot_be_trained_is_refused(client_for: Clients, team: Any, cohort: Any, fault: str) -> None:
    changes, status, code = REFUSED[fault]
    answer = ask(client_for("researcher"), team, **changes)
    assert (answer.status_code, answer.json()["code"]) == (status, code)
    if status == 400:
        assert set(answer.json()["errors"]) == set(changes)


def test_what_cannot_be_learnt_is_refused_before_anything_runs(client_for: Clients, team: Any, cohort: Any) -> None:
    researcher = client_for("researcher")
    assert ask(researcher, team, recipe="segmentation").json()["code"] == "cohort_kind"
    cohort.classes = [*CLASSES, "pneumonia"]
    cohort.save()
    answer = ask(researcher, team).json()
    assert (answer["code"], "pneumonia" in answer["detail"]) == ("empty_class", True)
    fault = {"code": "class_not_in_split", "severity": "error", "detail": "The train split has no series of “x”."}
    cohort.check_report = {"findings": [fault]}
    cohort.save()
    answer = ask(researcher, team).json()
    assert (answer["code"], fault["detail"] in answer["detail"]) == ("cohort_check", True)
    assert not Job.objects.filter(team=team).exists()


def test_of_several_classes_validation_may_lack_a_rare_one(client_for: Clients, team: Any) -> None:
    researcher, classes = client_for("researcher"), ["a", "b", "rare"]
    parts = {"train": "aabbr", "validation": "ab", "test": "ab"}
    names = [(split, next(name for name in classes if name[0] == sign)) for split, of in parts.items() for sign in of]
    series = [store_chest(team, n, has_cancer=False, slices=1) for n in range(1, len(names) + 1)]
    choices = [
        Choice(one, f"patient {n}", name, split=split)
        for n, (one, (split, name)) in enumerate(zip(series, names, strict=True))
    ]
    freeze_version(team, name="chests", classes=classes, choices=choices, actor=None)
    assert ask(researcher, team).status_code == 202
    fewer = [choice for choice in choices if (choice.split, choice.label) != ("validation", "b")]
    freeze_version(team, name="fewer", classes=classes, choices=fewer, actor=None)
    assert ask(researcher, team, cohort="fewer").json()["code"] == "empty_class"


def test_an_autoencoder_may_learn_from_what_is_normal_alone(client_for: Clients, team: Any) -> None:
    """What is ill is for validation and test, to be told from it."""
    choices = [
        Choice(store_chest(team, n, has_cancer=n > 5, slices=2), f"patient {n}", CLASSES[n > 5], split=split)
        for n, split in enumerate(["train"] * 3 + ["validation", "test"] * 2, start=1)
    ]
    version, _ = freeze_version(team, name="chests", classes=CLASSES, choices=choices, actor=None)
    assert "error" in {one["severity"] for one in version.check_report["findings"]}
    researcher = client_for("researcher")
    for recipe in ("classification", "generation"):
        assert ask(researcher, team, recipe=recipe).json()["code"] == "cohort_check", recipe
    assert ask(researcher, team, recipe="autoencoder").status_code == 202


def test_a_cohort_without_validation_has_a_part_of_its_training_for_it(
    client_for: Clients, team: Any, cohort: Any
) -> None:
    cohort.members.filter(split="validation").update(split="train")
    assert ask(client_for("researcher"), team).status_code == 202
    cohort.members.update(split="test")
    assert ask(client_for("researcher"), team).json()["code"] == "empty_split"


def test_who_may_train(client_for: Clients, team: Any, cohort: Any) -> None:
    for role, status in (("viewer", 403), ("reader", 403), ("outsider", 404), ("admin", 404), ("anonymous", 401)):
        assert ask(client_for(role), team).status_code == status, role
    for role in ("researcher", "manager"):
        assert ask(client_for(role), team).status_code == 202, role
    job = Job.objects.filter(team=team).first()
    url = f"/api/v1/teams/{team.slug}/trainings/"
    assert client_for("outsider").get(url).status_code == 404
    assert client_for("outsider").get(f"{url}{job.pk}/").status_code == 404
    assert client_for("viewer").get(f"{url}{uuid4()}/").status_code == 404


def test_a_cohort_of_another_team_is_not_found(client_for: Clients, team: Any, cohort: Any) -> None:
    from tests.factories import make_client, make_team

    other = make_team()
    store_chest(other, 1, has_cancer=False, slices=1)
    assert ask(make_client("researcher", other), other).json()["code"] == "cohort_not_found"
