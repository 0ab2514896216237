"""The documents that the service answers with, as its OpenAPI description has them."""

from pydantic import BaseModel, ConfigDict, Field


class Ood(BaseModel):
    """Whether an image is unlike those that the model was made with."""

    unlike_reference: bool = Field(
        description="Whether it is farther than 95 of 100 images of the reference."
    )
    distance_percentile: float = Field(ge=0, le=100, description="Among the distances of the reference.")


class Opinion(BaseModel):
    """What one model says of an image."""

    scores: dict[str, float] = Field(description="The probability of each class.")
    label: str = Field(description="The class, or the findings joined by |.")
    threshold: float | dict[str, float] | None = Field(
        description="The probability from which on an image is labelled so: of the positive one of two "
        "classes, or of each finding; null where the likeliest of several classes is taken."
    )


class Answer(Opinion):
    """What the service says of an image."""

    model_config = ConfigDict(extra="forbid")

    ood: Ood | None = Field(description="Null where the model keeps no reference.")
    warning: str | None = Field(None, description="Why the image may be none to be judged.")
    base: Opinion | None = Field(None, description="What the base model says, where base=true.")
    preview: str | None = Field(None, description="The image as the model sees it, a data: address.")
    name: str | None = Field(None, description="The file name, of several images.")


class Failure(BaseModel):
    """Why an image, or a whole request, has no answer."""

    model_config = ConfigDict(extra="forbid")

    error: str = Field(description="A sentence.")
    name: str | None = Field(None, description="The file name, of several images.")


class State(BaseModel):
    """Whether the service works."""

    ready: bool
    reason: str | None = Field(None, description="Why not.")


class Latest(BaseModel):
    """How the latest images were answered."""

    images: int = Field(description="How many they are.")
    most: int = Field(description="How many are kept at most.")
    labels: dict[str, float] = Field(description="The share of each label.")
    unlike_reference: float | None = Field(description="The share that is unlike the reference.")


class Words(BaseModel):
    """A result in sentences."""

    words: list[str]


class MapAnswer(BaseModel):
    """A map of one image."""

    model_config = ConfigDict(populate_by_name=True)

    map: str = Field(description="The image with its map over it, a data: address.")
    target: str = Field(alias="class", description="The class that it speaks for.")
    note: str = Field(description="How to read it.")
