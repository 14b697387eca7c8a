"""Fine-tuning that was killed or changed: it goes on with the same bytes, or says why it does not."""

from safetensors.torch import load_file, save_file
from small_finetuning import TRAIN, VAL, features_of, outputs

from aesthetic_pretraining.training.finetune import finetune


def test_a_restart_that_was_killed_ends_with_the_same_bytes(tuning, interrupt, tmp_path):
    finetune(**tuning(tmp_path / "whole", at_unfreezing="restart"))
    for count in (8, 9, 10):  # around the unfreezing: three steps and one save after each of two epochs
        folder = tmp_path / str(count)
        interrupt(count, finetune, **tuning(folder, at_unfreezing="restart"))
        finetune(**tuning(folder, at_unfreezing="restart"))
        assert outputs(folder) == outputs(tmp_path / "whole")


def test_killed_at_any_moment_it_ends_with_the_same_bytes(tuning, tuned, killed_runs, tmp_path):
    # four epochs of three steps, each saved, and each epoch's end: 16 saves; unfrozen after the 8th
    moments = [
        ("save", 1),  # frozen, inside the first epoch
        ("term", 1),  # SIGTERM in 2: saved at the step's end, where no save is due
        ("write", 3),  # saves the end of the first epoch, dies in 5
        ("save", 4),  # 8: the unfreezing
        ("save", 1),  # 9: unfrozen, inside the third epoch
        ("write", 4),  # saves 12, dies in 13
        ("remove", 0),  # 16, and all outputs are written
    ]
    (ended,) = killed_runs(finetune, (tuning(tmp_path / "run"), moments))
    assert ended == ["9", "exit143", *["9"] * 4, "4", "9", "0"]  # four saves after the twelfth, then nothing but to write
    assert outputs(tmp_path / "run") == outputs(tuned)


def test_nothing_is_left_after_a_resume_in_the_unfrozen_phase(tuning, tuned, interrupt, tmp_path):
    interrupt(10, finetune, **tuning(tmp_path))  # inside the third epoch, the second is the last frozen one
    finetune(**tuning(tmp_path))
    assert outputs(tmp_path) == outputs(tuned)
    assert list((tmp_path / "work").iterdir()) == []


def test_a_checkpoint_is_gone_on_with_only_where_nothing_has_changed(
    tuning, votes, photo_store, backbone_file, interrupt, resumed, tmp_path
):
    same = tuning(tmp_path)
    interrupt(1, finetune, **same)
    assert resumed(finetune, **same) == "goes on"
    save_file({k: v + 1 for k, v in load_file(backbone_file).items()}, tmp_path / "start.safetensors")
    others = features_of(same["store"], tmp_path / "start.safetensors", tmp_path)
    said = resumed(finetune, **tuning(tmp_path, dropout=0.5, seed=2))
    assert "began with other parameters (seed was 1, now 2, dropout was 0.75, now 0.5); set them back" in said
    for name, other in {
        "the split of the pictures": tuning(tmp_path, train=TRAIN[::-1]),
        "the split of the pictures, the votes": tuning(tmp_path, val=VAL[:1]),
        "the votes": tuning(tmp_path, votes=votes | {"p0": votes["p0"][::-1]}),
        "(the votes)": tuning(tmp_path, votes=votes | {VAL[0]: votes[VAL[0]][::-1]}),
        "the pictures": same | {"store": photo_store},
        "the start's weights": same | {"start": tmp_path / "start.safetensors"},
        "the start's features": same | {"features": others},
    }.items():
        said = resumed(finetune, **other)
        assert "starting over" in said and name in said
    assert resumed(finetune, **same) == "goes on"


def test_a_damaged_checkpoint_starts_over(tuning, tuned, interrupt, tmp_path):
    interrupt(6, finetune, **tuning(tmp_path))
    (saved,) = (tmp_path / "work").glob("[!.]*.pt")
    saved.write_bytes(saved.read_bytes()[:-1000])
    finetune(**tuning(tmp_path))
    assert outputs(tmp_path) == outputs(tuned)
