"""Every error that a user can cause, and the exit code that each one means.

LlmcmpError                 1   something known is wrong
├─ ModelError               1   a model, its preset or a part of it
│  ├─ UnknownModelError     1   no such preset, alias or file
│  ├─ PresetError           1   a preset file: names file, table and key
│  ├─ ConfigError           1   a config.json: names file and key, or what is not understood
│  ├─ WeightFileError       1   a file of weights: names file and tensor
│  ├─ HubError              1   the Hub: names the repository and the next step
│  └─ UndisclosedError      1   the vendor has not published the architecture
├─ UnknownTermError         1   nothing that explain knows by this name
├─ DefaultsError            1   the file of defaults: names file and key
├─ OutputError              1   a file that cannot be written
├─ QuantityError            2   a number, unit or option value
└─ DoesNotFitError          3   the question has no feasible answer
"""

from typing import ClassVar


class LlmcmpError(Exception):
    """Base of all errors that a user can cause; the message is one line that says what to do next."""

    exit_code: ClassVar[int] = 1


class ModelError(LlmcmpError):
    """Something is wrong with a model."""


class UnknownModelError(ModelError):
    """No preset, alias or file answers to this name."""


class PresetError(ModelError):
    """A preset file breaks the schema of presets/README.md."""


class ConfigError(ModelError):
    """A config.json that cannot be read, or says what llmcmp has no component for."""


class WeightFileError(ModelError):
    """The header of a file of weights breaks its format, or cannot be read."""


class HubError(ModelError):
    """A repository of the Hub cannot be read: it is missing, gated, or out of reach."""


class UndisclosedError(ModelError):
    """The vendor has not published the architecture, so nothing can be computed from it."""


class UnknownTermError(LlmcmpError):
    """No term of this field, alias or spelling of one answers to this name."""


class DefaultsError(LlmcmpError):
    """The file of defaults says something that no option takes."""


class OutputError(LlmcmpError):
    """A report cannot be written where the user asked for it."""


class QuantityError(LlmcmpError):
    """A number, unit or option value that has no meaning here."""

    exit_code: ClassVar[int] = 2


class DoesNotFitError(LlmcmpError):
    """The question is well put and has no feasible answer."""

    exit_code: ClassVar[int] = 3
