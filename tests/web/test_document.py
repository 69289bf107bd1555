"""The OpenAPI document: whole, with examples that work, and nothing that it allows ends in a 500."""

import pytest
from asking_web import BASE
from hypothesis import HealthCheck, Phase, given, settings
from starlette.testclient import TestClient

from effort import SOAK
from lookalike.web import forms
from lookalike.web.app import create_app
from lookalike.web.service import Service
from lookalike.web.uncertain import Uncertain

schemathesis = pytest.importorskip("schemathesis")
pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def asked(digits_file, tmp_path_factory):
    """Return what asks a service with a model, a folder for others and a queue."""
    folder = tmp_path_factory.mktemp("document")
    path = folder / "digits.lookalike"
    path.write_bytes(digits_file.read_bytes())
    app = create_app(Service([path], folder / "made"), uncertain=Uncertain(folder / "uncertain"))
    with TestClient(app, base_url=BASE, raise_server_exceptions=False) as client:
        yield client


@pytest.fixture(scope="module")
def document(asked):
    return schemathesis.openapi.from_dict(asked.get("/openapi.json").json())


def test_whatever_the_document_allows_is_answered_as_it_says(asked, document):
    # A document cannot say that an image has as many bytes as its size asks for, nor which model there is.
    from schemathesis.specs.openapi.checks import positive_data_acceptance

    asked_of = 0
    for found in document.get_all_operations():

        @settings(
            max_examples=10 * SOAK,
            deadline=None,
            database=None,
            suppress_health_check=list(HealthCheck),
            phases=[Phase.explicit, Phase.generate],
        )
        @given(found.ok().as_strategy())
        def ask(case):
            nonlocal asked_of
            if len((case.path_parameters or {}).get("name", "")) % 2:
                # A name that is drawn is hardly ever one that is there.
                case.path_parameters["name"] = "digits"
            asked_of += 1
            answer = asked.send(asked.build_request(**sent(case)))
            case.validate_response(answer, excluded_checks=[positive_data_acceptance])

        ask()
    assert asked_of > 100


def sent(case):
    """Return what a client is called with for a case: the bytes that requests would send."""
    import requests

    names = ("method", "url", "headers", "params", "data", "json", "files", "cookies")
    kwargs = case.as_transport_kwargs(base_url=BASE)
    made = requests.Request(**{name: value for name, value in kwargs.items() if name in names}).prepare()
    return {"method": made.method, "url": made.url, "headers": dict(made.headers), "content": made.body}


def test_the_document_is_openapi_3_1_and_its_examples_are_right(asked):
    found = asked.get("/openapi.json").json()
    assert found["openapi"].startswith("3.1")
    schemas = found["components"]["schemas"]
    examples = 0
    for name, one in schemas.items():
        for example in one.get("examples", ()):
            getattr(forms, name).model_validate(example)
            examples += 1
    for path, methods in found["paths"].items():
        for method, told in methods.items():
            assert told.get("description"), (method, path)
            assert "200" in told["responses"] or "201" in told["responses"]
            for kind, body in told.get("requestBody", {}).get("content", {}).items():
                if "example" in body:
                    url = path.replace("{name}", "digits").replace("predict", "predict?resize=1")
                    answer = asked.request(method, url, json=body["example"])
                    # The digits have no layout of photographs.
                    expected = 409 if path.endswith("/read") else 200
                    assert answer.status_code == expected, (path, kind, answer.text)
                    examples += 1
    assert examples >= 4
