"""The web process stays light: it never imports the engines' libraries."""

import subprocess
import sys

CHECK = """
import os, sys
os.environ["DJANGO_SETTINGS_MODULE"] = "tuplets.settings"
import django
django.setup()
import tuplets.urls
from django.test import Client
Client().get("/jobs", headers={"Host": "localhost"})
heavy = {"torch", "ctranslate2", "onnxruntime", "spacy", "faster_whisper", "av", "numpy", "pyannote"} & set(sys.modules)
print(",".join(sorted(heavy)))
"""


def test_serving_a_request_imports_no_heavy_library():
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CHECK], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == ""
