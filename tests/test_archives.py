import zipfile

import numpy as np
import pytest

from radapt.archives import DAMAGE, MAX_RATIO, SPARE, check_claims, open_arrays


def test_arrays_are_read_as_they_were_written(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", one=np.arange(6).reshape(2, 3))
    with open_arrays(tmp_path / "a.npz") as arrays:
        assert arrays["one"].tolist() == [[0, 1, 2], [3, 4, 5]]


def test_an_archive_that_claims_far_more_than_it_holds_is_refused_unread(tmp_path):
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.npy", bytes(2 * SPARE))
    assert path.stat().st_size * MAX_RATIO < SPARE
    with pytest.raises(ValueError, match="bytes claim to unpack to 33,554,432"), open_arrays(path):
        pass
    check_claims(path, packed=SPARE)  # of a file of that size it would be no wonder


def test_an_array_that_claims_more_numbers_than_bytes_is_refused(tmp_path):
    np.save(tmp_path / "a.npy", np.zeros(4))
    written = (tmp_path / "a.npy").read_bytes().replace(b"(4,), }", b"(99,),}")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", written)
    with pytest.raises(ValueError, match="'a.npy' claims 792 bytes of"), open_arrays(tmp_path / "a.npz"):
        pass


def test_what_is_no_array_is_refused_and_damage_has_a_known_kind(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("note.txt", "no array")
    with pytest.raises(ValueError, match=r"'note\.txt' is no array"), open_arrays(tmp_path / "a.npz"):
        pass
    (tmp_path / "cut.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:20])
    with pytest.raises(DAMAGE), open_arrays(tmp_path / "cut.npz"):
        pass
