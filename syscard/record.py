"""What every record is: frozen, and closed to fields that it does not know."""

from pydantic import BaseModel, ConfigDict


class Record(BaseModel):
    """Frozen, and refuses what it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="strings")
