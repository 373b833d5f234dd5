"""The report of a trained student: page, JSON and card say what was measured, and can be written again."""

import json
import shutil
from dataclasses import replace

import jsonschema
import pytest
import yaml
from click.testing import CliRunner

from conversion.__main__ import main
from conversion.artefact import manifest
from conversion.benchmark.table import as_markdown
from conversion.golden.vectors import VECTOR_FILES
from conversion.report import card
from conversion.report.facts import gather
from conversion.report.report import SCHEMA, schema, write_report
from training.run import Run


@pytest.fixture
def facts(verified):
    return gather(verified.run)


def header(text):
    return yaml.safe_load(text.split("---\n")[1])


def test_the_page_needs_nothing_beside_it(verified):
    write_report(verified.run)

    page = verified.run.report.read_text()
    assert '<span class="good">verified</span>' in page
    assert 'src="data:image/' in page
    assert "http://" not in page
    assert "https://" not in page


def test_the_json_is_what_its_schema_says(verified):
    write_report(verified.run)

    found = json.loads(verified.run.report.with_suffix(".json").read_text())
    jsonschema.validate(found, json.loads(SCHEMA.read_text()))
    assert [hop["hop"] for hop in found["hops"]] == [str(one.hop) for one in verified.parity.hops]
    assert sum(found["data"][side] for side in ("train", "validation", "test")) == found["data"]["pairs"]
    for one in found["artefacts"]:
        assert one["teacher_iou"] == verified.parity.teacher_iou[one["name"]]
        assert one["drift"]["flips"] < 0.01
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate({**found, "hops": [{**found["hops"][0], "drift": 1}]}, json.loads(SCHEMA.read_text()))


def test_the_schema_in_the_documents_is_today_s():
    assert SCHEMA.read_text() == schema(), f"write conversion.report.report.schema() to {SCHEMA}"


def test_the_card_names_every_phone_file_with_its_figures(facts):
    text = card.render(facts)

    for one in facts.artefacts:
        assert (f"| {one.file} | {one.bytes / 1e6:.2f} | {one.teacher_iou:.4f} |" in text) == (one.target != "onnx")
    result = header(text)["model-index"][0]["results"][0]
    assert header(text)["pipeline_tag"] == "image-segmentation"
    assert result["metrics"][0] == {
        "type": "mean_iou",
        "name": f"mean IoU with teacher masks, {len(facts.photos)} held-out photos",
        "value": round(facts.torch_iou, 4),
    }
    assert "**Verified**" in text


def test_the_card_warns_of_what_breached(facts):
    hops = [replace(facts.hops[0], breaches=["psnr 12 is below 50"]), *facts.hops[1:]]
    breached = card.render(replace(facts, is_green=False, hops=hops))
    blind = card.render(replace(facts, is_green=False, blind=["bgr"]))

    assert "Not to be shipped**: torch → onnx-exported is out of budget (psnr 12 is below 50)." in breached
    assert "does not notice deliberate mistakes" in blind
    assert "Verified" not in breached + blind


@pytest.mark.parametrize(
    "name", ['a: "b"\n- c', "---", "<script>alert(1)</script>", "münzen 🪙", "x | y `z` [l](http://a)"]
)
def test_a_name_stays_a_name_whatever_it_holds(facts, name):
    text = card.render(replace(facts, run=name, data=replace(facts.data, folder=f"/d/{name.replace('/', '')}")))

    assert header(text)["model-index"][0]["name"] == name
    body = text.split("\n---\n", 1)[1]
    assert "<script>" not in body
    assert "[l](" not in body


def test_evaluations_are_told_with_whose_masks_judged(verified, facts):
    folder = verified.run.evaluation("discs")
    folder.mkdir()
    measures = {"iou": {"value": 0.875, "low": None, "high": None}}
    measures |= dict.fromkeys(("dice", "boundary_iou", "tolerant_iou"), measures["iou"])
    record = {"against": {whose: {"measures": measures} for whose in ("teacher", "human")}}
    (folder / "evaluation.json").write_text(json.dumps(record))

    write_report(verified.run)
    found = gather(verified.run)
    shutil.rmtree(folder)

    assert found.evaluations["discs"]["human"]["iou"] == [0.875, None, None]
    assert "<td>human<td>0.8750" in verified.run.report.read_text()
    names = [one["metrics"][0]["name"] for one in header(card.render(found))["model-index"][0]["results"]]
    assert names[1:] == ["mean IoU with teacher masks", "mean IoU with human masks"]


def test_the_report_is_written_again_without_running_a_model(verified, monkeypatch):
    write_report(verified.run)
    paths = [verified.run.report, verified.run.report.with_suffix(".json"), verified.run.card]
    before = [path.read_bytes() for path in paths]
    for path in paths:
        path.unlink()
    monkeypatch.setattr("conversion.gate.parity.evaluate_masks", None)

    result = CliRunner().invoke(main, ["report", str(verified.run.folder)])

    assert result.exit_code == 0, result.output
    assert [path.read_bytes() for path in paths] == before


def test_what_a_phone_saved_is_on_the_report_and_in_the_table(verified, tmp_path):
    run = Run(shutil.copytree(verified.run.folder, tmp_path / "run"))
    golden = [{"file": file, "vectors": len(cases), "failed": []} for file, (cases, _) in VECTOR_FILES.items()]
    saved = {"schema": 1, "device": "Maker <Phone>", "system": "Android 15", "runtime": "LiteRT", "unit": "GPU"}
    saved |= {"model": "run", "artefact": "tflite-fp16", "golden": golden, "ms": {"p50": 4.25, "p90": 5, "runs": 50}}
    saved |= {"sha256": manifest.read(run.export).artefacts["tflite-fp16"].sha256}
    saved |= {"drift": {"flips": 0.0005, "pixels": 76800, "error": 0.02, "psnr": 61.5}}
    (tmp_path / "saved.json").write_text(json.dumps(saved))
    write_report(run)
    assert "No phone" in run.report.read_text()

    done = CliRunner().invoke(main, ["bench", str(run.folder), "--import", str(tmp_path / "saved.json")])

    assert done.exit_code == 0, done.output
    page = run.report.read_text()
    assert "Maker &lt;Phone&gt;" in page
    assert "No phone" not in page
    assert "| run | tflite fp16 | Maker <Phone> |" in as_markdown([run], repetitions=1)
