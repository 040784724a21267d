"""An object's header is shown element by element, whatever is in it."""

from __future__ import annotations

from typing import Any

from pydicom.dataset import Dataset

from medportal.archive.models import Instance
from medportal.imaging.tag_rows import rows_of
from tests import dicom


def test_a_header_is_told_element_by_element(team: Any, client_for: Any, store: Any) -> None:
    code = Dataset()
    code.CodeValue, code.CodeMeaning = "T-1", "Lung"
    store(
        dicom.ct_slice(
            SpecificCharacterSet="ISO_IR 192",
            PatientName="Müller^Änne=王^小明",
            AnatomicRegionSequence=[code],
            ImageComments="x" * 900,
        )
    )
    instance = Instance.objects.select_related("series__study").get()
    url = f"/api/v1/teams/{team.slug}/studies/{instance.series.study.study_instance_uid}/instances/"
    rows = client_for("viewer").get(f"{url}{instance.sop_instance_uid}/tags/").json()
    by_keyword = {row["keyword"]: row for row in rows}
    assert by_keyword["PatientName"] == {
        "depth": 0, "tag": "(0010,0010)", "keyword": "PatientName", "vr": "PN", "value": "Müller^Änne=王^小明",
    }  # fmt: skip
    assert by_keyword["PixelSpacing"]["value"].count("\\") == 1
    assert (by_keyword["AnatomicRegionSequence"]["value"], by_keyword["CodeMeaning"]["depth"]) == ("1", 2)
    assert by_keyword["ImageComments"]["value"].endswith("…")
    assert [row["tag"] for row in rows if row["depth"] == 0] == sorted(row["tag"] for row in rows if row["depth"] == 0)
    assert client_for("viewer").get(f"{url}1.2.3/tags/").status_code == 404


def test_private_elements_have_their_creators_names() -> None:
    model = {
        "00191008": {"vr": "CS", "Value": ["IMAGE NUM 4"]},
        "00190010": {"vr": "LO", "Value": ["SIEMENS MR HEADER"]},
        "00291010": {"vr": "OB", "InlineBinary": "AAAA"},
        "7FE00010": {"vr": "OW", "BulkDataURI": "x"},
    }
    rows = {row.tag: row for row in rows_of(model)}
    assert rows["(0019,0010)"].keyword == "PrivateCreator"
    assert "CSA Image Header" in rows["(0019,1008)"].keyword
    assert (rows["(0029,1010)"].value, rows["(7FE0,0010)"].value) == ("3 bytes", "…")


def test_a_header_of_any_size_is_told_up_to_a_bound() -> None:
    items = [{"00080100": {"vr": "SH", "Value": [str(n)]}} for n in range(30_000)]
    assert len(rows_of({"00082218": {"vr": "SQ", "Value": items}})) == 20_000
