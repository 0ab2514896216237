"""The catalogue of public chest X-ray data sets: licence, citation, files, and the command to read each.

Checksums are the publishers' (MedMNIST in its code, NIH in its FAQ on the archives). Mendeley's file and
NIH's tables have none; theirs here are the ones on which downloads by several parties agree. Sizes in bytes
are those that the sites announce; for ChestMNIST, those reported by others, at 64 and 224 pixels with the
publisher's checksum. ChestMNIST at 128 pixels is missing, since neither was available.
"""

from dataclasses import dataclass

from radapt.errors import AskedWrongly, UnknownName
from radapt.text import counted


@dataclass(frozen=True, slots=True)
class Remote:
    """A file that anyone can download."""

    name: str  # its name in the target folder
    url: str
    size: int  # bytes
    checksum: str | None  # "sha256:..." or "md5:..."; None if none is published
    folder: str = ""  # of an archive: the folder in it
    pixels: int = 0  # of a set in several sizes: pixels a side


@dataclass(frozen=True, slots=True)
class DataSet:
    """A published data set: files to download, or steps to follow by hand."""

    title: str
    what: str
    images: int
    licence: str
    citation: str
    page: str
    beware: str
    reads: str  # the command that reads it; {to} is its folder, {first} its first file
    files: tuple[Remote, ...] = ()  # of a set in several sizes, the default size first
    steps: tuple[str, ...] = ()  # instructions if registration is needed; {to} is the folder
    gigabytes: int | None = None  # download size of sets with steps, if known

    def choose(self, size: int | None = None, parts: int | None = None) -> tuple[Remote, ...]:
        """Return the files to fetch.

        Parameters
        ----------
        size
            Pixels a side, for a set in several sizes; by default its first size.
        parts
            The number of archives, for a set with several; by default all.

        Raises
        ------
        AskedWrongly
            If the set is not available in that size, or not in parts.
        """
        if size is not None and size not in self.sizes:
            which = ", ".join(map(str, sorted(self.sizes))) or "only one size; leave the size out"
            raise AskedWrongly(f"There is no {self.title} of {size} pixels. It comes in {which}.")
        archives = [each for each in self.files if each.folder]
        if parts is not None and not 1 <= parts <= len(archives) > 1:
            which = f"1 to {len(archives)} parts" if len(archives) > 1 else "one part; leave the parts out"
            raise AskedWrongly(
                f"{self.title} is not available in {counted(parts, 'part')}. It comes in {which}."
            )
        if self.sizes:
            return tuple(each for each in self.files if each.pixels == (size or self.sizes[0]))
        left_out = archives[parts:] if parts is not None else []
        return tuple(each for each in self.files if each not in left_out)

    @property
    def sizes(self) -> tuple[int, ...]:
        """The available sizes in pixels a side; empty if there is only one."""
        return tuple(each.pixels for each in self.files if each.pixels)

    def command(self, to: str, size: int | None = None) -> str:
        """Return the command that reads the set from its folder."""
        first = self.choose(size)[0] if self.files else None
        return self.reads.format(
            to=to, first=first.name if first else "", pixels=first.pixels if first else ""
        )


def look_up(name: str) -> DataSet:
    """Return a data set of the catalogue.

    Raises
    ------
    UnknownName
        If there is no data set of that name.
    """
    if name not in CATALOGUE:
        raise UnknownName("data set", name, CATALOGUE)
    return CATALOGUE[name]


def _medmnist(name: str, pixels: int, size: int, md5: str) -> Remote:
    url = f"https://zenodo.org/records/10519652/files/{name}?download=1"
    return Remote(name, url, size, f"md5:{md5}", pixels=pixels)


def _nih_archive(number: int, key: str, size: int, md5: str) -> Remote:
    url = f"https://nihcc.box.com/shared/static/{key}.gz"
    return Remote(f"images_{number:03d}.tar.gz", url, size, f"md5:{md5}", folder="images")


def _nih_file(name: str, key: int, size: int, sha256: str) -> Remote:
    url = (
        "https://nihcc.app.box.com/index.php?rm=box_download_shared_file"
        f"&vanity_name=ChestXray-NIHCC&file_id=f_{key}"
    )
    return Remote(name, url, size, f"sha256:{sha256}")


def _physionet(page: str, project: str) -> tuple[str, ...]:
    return (
        "Register at https://physionet.org/register/, do the training that it asks for, and apply for "
        "credentialed access.",
        f"Sign the data use agreement at the foot of {page}",
        f"wget -r -N -c -np -nH --cut-dirs=3 -P {{to}} --user NAME --ask-password "
        f"https://physionet.org/files/{project}/",
    )


_NIH = (  # of each archive: key, size in bytes, MD5
    ("vfk49d74nhbxq3nqjg0900w5nvkorp5c", 2_008_470_987, "fe8ed0a6961412fddcbb3603c11b3698"),
    ("i28rlmbvmfjbl8p2n3ril0pptcmcu9d1", 3_952_623_504, "ab07a2d7cbe6f65ddd97b4ed7bde10bf"),
    ("f1t00wrtdk94satdfb9olcolqx20z2jp", 3_929_234_850, "2301d03bde4c246388bad3876965d574"),
    ("0aowwzs5lhjrceb3qp67ahp0rd1l1etg", 3_838_903_983, "9f1b7f5aae01b13f4bc8e2c44a4b8ef6"),
    ("v5e3goj22zr6h8tzualxfsqlqaygfbsn", 3_935_496_531, "1861f3cd0ef7734df8104f2b0309023b"),
    ("asi7ikud9jwnkrnkj99jnpfkjdes7l6l", 3_986_301_172, "456b53a8b351afd92a35bc41444c58c8"),
    ("jn1b4mw4n6lnh74ovmcjb8y48h8xj07n", 4_016_328_426, "1075121ea20a137b87f290d6a4a5965e"),
    ("tvpxmn7qyrgl0w8wfh9kqfjskv6nmm1j", 4_018_347_353, "b61f34cec3aa69f295fbb593cbd9d443"),
    ("upyy3ml7qdumlgk2rfcvlb9k6gvqq2pj", 4_111_327_929, "442a3caa61ae9b64e61c561294d1e183"),
    ("l6nilvfa9cg3s28tqv1qc1olm3gnz54p", 4_181_556_296, "09ec81c4c31e32858ad8cf965c494b74"),
    ("hhq8fkdgvcari67vfhs7ppg2w6ni4jze", 4_187_084_020, "499aefc67207a5a97692424cf5dbeed5"),
    ("ioqwiy20ihqwyr8pf4c24eazhh281pbu", 2_914_187_733, "dc9fda1757c2de0032b63347a7d2895c"),
)

CATALOGUE: dict[str, DataSet] = {
    "kermany": DataSet(
        title="Kermany chest X-rays",
        what="children of one to five, Guangzhou: normal or pneumonia, in train and test",
        images=5_856,
        licence="CC BY 4.0",
        citation="Kermany, Zhang, Goldbaum: Labeled Optical Coherence Tomography (OCT) and Chest X-Ray "
        "Images for Classification, Mendeley Data V2, 2018, doi:10.17632/rscbjbr9sj.2; Kermany et al., Cell "
        "172:1122, 2018",
        page="https://data.mendeley.com/datasets/rscbjbr9sj/2",
        beware="Numbers of persons are given for bacteria and viruses apart: person1_bacteria and "
        "person1_virus are two children, and who joins them finds a leak that is none. 74 % of the training "
        "images are pneumonia, but 62 % of the test images, so the two differ before any shift.",
        reads="radapt study {to}/chest_xray --shift original",
        files=(
            Remote(
                "ChestXRay2017.zip",
                "https://data.mendeley.com/public-files/datasets/rscbjbr9sj/files/"
                "f12eaf6d-6023-432f-acc9-80c9d7393433/file_downloaded",
                1_235_512_464,
                "sha256:13efc055629733dbab07877f8b3c9f81097840dbcdaa326a8542322c2281ce36",
                folder="chest_xray",
            ),
        ),
    ),
    "pneumoniamnist": DataSet(
        title="PneumoniaMNIST",
        what="the Kermany images cut square, of 28, 64, 128 or 224 pixels, in train, val and test",
        images=5_856,
        licence="CC BY 4.0",
        citation="Yang et al.: MedMNIST v2, Scientific Data 10:41, 2023, doi:10.1038/s41597-022-01721-8; "
        "and the source, Kermany et al., Cell 172:1122, 2018",
        page="https://zenodo.org/records/10519652",
        beware="It does not say whose its pictures are: each counts as a patient, so intervals are too "
        "narrow, and its val was drawn from the training images without regard to patients. The images are "
        "those of kermany: never take one set as the other hospital of the other.",
        reads="radapt study {to}/{first} --size {pixels} --shift original",
        files=(
            _medmnist("pneumoniamnist_128.npz", 128, 75_506_212, "05b46931834c231683c68f40c47b2971"),
            _medmnist("pneumoniamnist.npz", 28, 4_170_669, "28209eda62fecd6e6a2d98b1501bb15f"),
            _medmnist("pneumoniamnist_64.npz", 64, 20_606_998, "8f4eceb4ccffa70c672198ea285246c6"),
            _medmnist("pneumoniamnist_224.npz", 224, 214_384_716, "d6a3c71de1b945ea11211b03746c1fe1"),
        ),
    ),
    "chestmnist": DataSet(
        title="ChestMNIST",
        what="the images of NIH ChestX-ray14, of 28, 64 or 224 pixels: 14 findings, in train, val and test",
        images=112_120,
        licence="CC BY 4.0",
        citation="Yang et al.: MedMNIST v2, Scientific Data 10:41, 2023, doi:10.1038/s41597-022-01721-8; "
        "and the source, Wang et al.: ChestX-ray8, CVPR 2017",
        page="https://zenodo.org/records/10519652",
        beware="It does not say whose its pictures are: each counts as a patient, so intervals are too "
        "narrow, and whether its splits share patients cannot be seen. The findings were mined from the "
        "reports' text. The images are those of nih14: never take one set as the other hospital of "
        "the other, "
        "nor rsna. It is read into memory whole, at 224 pixels some 11 GB.",
        reads="radapt study {to}/{first} --size {pixels} --shift original",
        files=(
            _medmnist("chestmnist_64.npz", 64, 401_604_127, "9de6cd0b934ebb5b7426cfba5efbae16"),
            _medmnist("chestmnist.npz", 28, 82_802_576, "02c8a6516a18b556561a56cbdd36c4a8"),
            _medmnist("chestmnist_224.npz", 224, 3_889_293_042, "45bd33e6f06c3e8cdb481c74a89152aa"),
        ),
    ),
    "nih14": DataSet(
        title="NIH ChestX-ray14",
        what="30,805 patients of the NIH Clinical Center, frontal: 14 findings, in train and test",
        images=112_120,
        licence="free for any use: link to its page, thank the NIH Clinical Center, and cite",
        citation="Wang et al.: ChestX-ray8: Hospital-scale Chest X-ray Database and Benchmarks, CVPR 2017",
        page="https://nihcc.app.box.com/v/ChestXray-NIHCC",
        beware="The findings were mined from the reports' text, not read from the images, and 'No Finding' "
        "means that none of the 14 was named, not that the patient is well. Only 1,431 images say Pneumonia.",
        reads="radapt study {to}/{first} --label Pneumonia --shift original",
        files=(
            _nih_file(
                "Data_Entry_2017_v2020.csv",
                219760887468,
                9_003_496,
                "c69a6daca3549af707ca9cacbdf9f9a7b6a9188e8c61157df653520bb72d8eb1",
            ),
            _nih_file(
                "test_list.txt",
                256055473534,
                435_131,
                "38ca5ef7f756092946f57c1a59faca882ed589a1ab1f72590b45dc06c6d5e1cc",
            ),
            *(_nih_archive(number, *about) for number, about in enumerate(_NIH, start=1)),
        ),
    ),
    "chexpert": DataSet(
        title="CheXpert",
        what="65,240 patients of Stanford Health Care, frontal and lateral: 14 findings",
        images=224_316,
        licence="Stanford University Dataset Research Use Agreement: research that is not commercial, not "
        "to be passed on",
        citation="Irvin et al.: CheXpert: A Large Chest Radiograph Dataset with Uncertainty Labels and "
        "Expert Comparison, AAAI 2019, doi:10.1609/aaai.v33i01.3301590",
        page="https://aimi.stanford.edu/datasets/chexpert-chest-x-rays",
        beware="The findings were mined from the reports' text, and images on which one is uncertain (-1) "
        "are left out here. train.csv is split here by patient; valid.csv is not read with it.",
        reads="radapt study {to}/CheXpert-v1.0-small/train.csv --label Pneumonia --shift original",
        steps=(
            "Register at https://aimi.stanford.edu/datasets/chexpert-chest-x-rays and accept the research "
            "use agreement; a link to the files is given to you.",
            "Download the small version (CheXpert-v1.0-small, 11 GB, large enough here) or the original "
            "(439 GB).",
            "Unpack it in {to}, so that there is {to}/CheXpert-v1.0-small/train.csv (or CheXpert-v1.0).",
        ),
        gigabytes=11,
    ),
    "mimic-cxr": DataSet(
        title="MIMIC-CXR-JPG",
        what="an emergency department in Boston: 14 findings, in train, val and test",
        images=377_110,
        licence="PhysioNet Credentialed Health Data License 1.5.0",
        citation="Johnson et al.: MIMIC-CXR-JPG, PhysioNet 2.1.0, 2024, doi:10.13026/jsn5-t979; Johnson et "
        "al., Scientific Data 6:317, 2019; Goldberger et al., Circulation 101:e215, 2000",
        page="https://physionet.org/content/mimic-cxr-jpg/2.1.0/",
        beware="The findings were mined from the reports' text, and one report speaks of all images of a "
        "study. Many images are AP, taken at the bedside, where the sicker patients are.",
        reads="radapt study {to}/mimic-cxr-2.0.0-chexpert.csv.gz --label Pneumonia --shift original",
        steps=_physionet("https://physionet.org/content/mimic-cxr-jpg/2.1.0/", "mimic-cxr-jpg/2.1.0"),
        gigabytes=570,
    ),
    "padchest": DataSet(
        title="PadChest",
        what="67,000 patients of San Juan hospital, Alicante, six views: 174 findings",
        images=160_868,
        licence="PADCHEST Dataset Research Use Agreement: research alone, not to be passed on",
        citation="Bustos et al.: PadChest: A large chest x-ray image dataset with multi-label annotated "
        "reports, Medical Image Analysis 66:101797, 2020",
        page="https://bimcv.cipf.es/bimcv-projects/padchest/",
        beware="Of the reports 27 % were labelled by physicians, the rest by a network that learned from "
        "these. The images are PNG files of 16 bits, which other software may read as white.",
        reads="radapt study {to}/PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv --label pneumonia "
        "--shift original",
        steps=(
            "Ask for access at https://bimcv.cipf.es/bimcv-projects/padchest/ and accept the agreement.",
            "Download PADCHEST_chest_x_ray_images_labels_160K_01.02.19.csv and the archives of the images "
            "(0.zip, 1.zip, ...) into {to}; some archives are enough to begin with, since images that are "
            "not there are left out and counted.",
            "Unpack the archives in {to}, each into a folder of its own number.",
        ),
    ),
    "rsna": DataSet(
        title="RSNA Pneumonia Detection Challenge",
        what="frontal images out of NIH ChestX-ray14, read anew by radiologists: lung opacity or not",
        images=26_684,
        licence="RSNA's terms and Kaggle's rules: any use, commercial or not, with attribution",
        citation="Shih et al.: Augmenting the National Institutes of Health Chest Radiograph Dataset with "
        "Expert Annotations of Possible Pneumonia, Radiology: Artificial Intelligence 1:e180041, 2019",
        page="https://www.kaggle.com/c/rsna-pneumonia-detection-challenge",
        beware="Its images are NIH's: never take nih14 as the other hospital. What it calls patientId names "
        "an image, so each image counts as a patient and intervals are too narrow. 'No Lung Opacity' holds "
        "other illness too.",
        reads='radapt study {to}/stage_2_train_labels.csv --label "Lung Opacity" --shift original',
        steps=(
            "Log in at https://www.kaggle.com/c/rsna-pneumonia-detection-challenge and accept the rules.",
            "kaggle competitions download -c rsna-pneumonia-detection-challenge -p {to}",
            "unzip {to}/rsna-pneumonia-detection-challenge.zip -d {to}",
            "The images are DICOM: pip install 'radapt[dicom]'",
        ),
    ),
    "vindr": DataSet(
        title="VinDr-CXR",
        what="two hospitals in Hanoi, PA: 28 findings by radiologists, in train and test",
        images=18_000,
        licence="PhysioNet Credentialed Health Data License",
        citation="Nguyen et al.: VinDr-CXR, PhysioNet 1.0.0, 2021, doi:10.13026/3akn-b287; Nguyen et al., "
        "Scientific Data 9:429, 2022, doi:10.1038/s41597-022-01498-w; Goldberger et al., Circulation "
        "101:e215, 2000",
        page="https://physionet.org/content/vindr-cxr/1.0.0/",
        beware="Its table does not say whose its images are: each counts as a patient, so intervals are too "
        "narrow. Three radiologists read each training image; images on which they disagree are left out "
        "here.",
        reads="radapt study {to}/annotations/image_labels_train.csv --root {to}/train --label Pneumonia "
        "--shift original",
        steps=(
            *_physionet("https://physionet.org/content/vindr-cxr/1.0.0/", "vindr-cxr/1.0.0"),
            "The images are DICOM: pip install 'radapt[dicom]'",
        ),
    ),
}
