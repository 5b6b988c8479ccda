"""A body that is cut off is no request, wherever the cut falls; one without a declared length is read to its end."""

import io

import pytest

from jobs.models import Job
from tests.conftest import tone
from tuplets.wsgi import application

pytestmark = pytest.mark.django_db(transaction=True)
BOUNDARY = "cut"


def form(*parts):
    sent = b"".join(
        f"--{BOUNDARY}\r\nContent-Disposition: form-data; {head}\r\n\r\n".encode() + data + b"\r\n"
        for head, data in parts
    )
    return sent + f"--{BOUNDARY}--\r\n".encode()


BODY = form(
    ('name="audio_file"; filename="a.wav"', tone()), ('name="language"', b"en"), ('name="speaker_embeddings"', b"true")
)


def post(person, body, *, declared=None, path="/jobs", content_type=f"multipart/form-data; boundary={BOUNDARY}"):
    statuses = []
    environ = {
        "REQUEST_METHOD": "POST",
        "PATH_INFO": path,
        "QUERY_STRING": "",
        "SERVER_NAME": "localhost",
        "SERVER_PORT": "80",
        "HTTP_HOST": "localhost",
        "HTTP_AUTHORIZATION": f"Bearer {person.key}",
        "CONTENT_TYPE": content_type,
        "wsgi.input": io.BytesIO(body),
        "wsgi.url_scheme": "http",
        **({"CONTENT_LENGTH": str(declared)} if declared else {"wsgi.input_terminated": True}),
    }
    answer = application(environ, lambda status, headers, error=None: statuses.append(int(status[:3])))
    content = b"".join(answer)
    answer.close()
    return statuses[0], content.decode()


@pytest.mark.parametrize(
    "cut",
    [20, 5000, BODY.index(b"language") - 60, BODY.index(b"speaker") - 60, BODY.index(b"speaker") + 5, len(BODY) - 4],
)
def test_a_form_that_is_cut_off_becomes_no_job(alice, cut):
    status, content = post(alice, BODY[:cut], declared=len(BODY))
    assert status == 413 and "cut off" in content
    assert not Job.objects.exists()


def test_the_whole_form_is_judged_by_all_its_fields(alice):
    status, content = post(alice, BODY, declared=len(BODY))
    assert status == 400 and "speaker_embeddings requires" in content


def test_json_that_is_cut_off_makes_no_key(alice):
    status, _ = post(alice, b'{"name": "x"}', declared=500, path="/account/api-keys", content_type="application/json")
    assert status == 413 and alice.user.api_keys.count() == 1


def test_a_chunked_upload_is_read_to_its_end(alice):
    body = form(('name="audio_file"; filename="a.wav"', tone()), ('name="language"', b"en"))
    assert post(alice, body)[0] == 201
    assert Job.objects.get().source_bytes == len(tone())


def test_chunked_json_is_read_and_bounded(alice):
    kind = {"path": "/account/api-keys", "content_type": "application/json"}
    assert post(alice, b'{"name": "Chunked"}', **kind)[0] == 201
    status, content = post(alice, b'{"name": "' + b"x" * 2**21 + b'"}', **kind)
    assert status == 400 and "1 MB" in content
