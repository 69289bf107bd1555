"""A service with a model of the digits, and an empty folder for models that are made."""

import pytest

import lookalike


@pytest.fixture(scope="session")
def digits_file(digits, tmp_path_factory):
    """Return the file of a model of the digits."""
    train, _ = digits
    model = lookalike.NearestImages().fit(train.images, train.labels)
    # Files hold what says how sure answers are, once it was asked for.
    model.predict_proba(train.images[:1])
    return lookalike.save_model(model, tmp_path_factory.mktemp("models") / "digits.lookalike", data=train)


@pytest.fixture
def model_file(digits_file, tmp_path):
    """Return a copy of it, which may be changed."""
    path = tmp_path / "digits.lookalike"
    path.write_bytes(digits_file.read_bytes())
    return path


@pytest.fixture
def service(model_file, tmp_path):
    """Return a service of that model."""
    from lookalike.web.service import Service

    made = Service([model_file], tmp_path / "made")
    yield made
    made.close()


@pytest.fixture
def client(service):
    """Return what asks that service."""
    from asking_web import BASE
    from starlette.testclient import TestClient

    from lookalike.web.app import create_app

    with TestClient(create_app(service), base_url=BASE, raise_server_exceptions=False) as asking:
        yield asking
