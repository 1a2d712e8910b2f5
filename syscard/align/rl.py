"""The reinforcement stage: GRPO against a judge of answers that never sees the reasoning.

Group relative policy optimisation (Shao et al. 2024, arXiv 2402.03300) by TRL, from a supervised
adapter or from the base alone, with a KL penalty to where it starts.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from syscard.examples import Example, check_examples, examples_digest
from syscard.grader.judge import Judge
from syscard.reasoned import split_reasoning
from syscard.record import Record
from syscard.specs import Spec, read_spec
from syscard.tuning.alarms import Step, alarms, commonest
from syscard.tuning.base import Base, find_base, load_base, need
from syscard.tuning.fit import Fitted, arguments, fit, lean, lora
from syscard.tuning.record import Data, TrainingRecord, check_base, memory, read_training
from syscard.tuning.reward import PARTS, WEIGHTS, Scored, mean, reward_judge, score, total
from syscard.tuning.rollout import Sampler
from syscard.tuning.stage import Learned, Picture, Stage, Talk

CURVES = ("reward", *(f"rewards/{part}/mean" for part in PARTS), "held", "kl", "words", "thought")


class RlOptions(Record):
    """How to train, apart from what on."""

    judge: str = "rules"  # or an Inspect model
    steps: int = Field(default=40, ge=1)
    prompts: int = Field(default=4, ge=1)  # different prompts of one step
    answers: int = Field(default=4, ge=2)  # to each prompt: what a group's mean is taken over
    learning_rate: float = Field(default=1e-4, gt=0)
    beta: float = Field(default=0.04, ge=0)  # weight of the KL penalty
    temperature: float = Field(default=1.0, gt=0)
    max_answer: int = Field(default=128, ge=16)  # tokens of reasoning and answer
    rank: int = Field(default=16, ge=1)  # where it starts from the base
    alpha: int = Field(default=32, ge=1)
    sampler: Literal["llama.cpp", "transformers"] = "llama.cpp"
    save_steps: int = Field(default=10, ge=1)
    seed: int = 1


def rl(
    base: str,
    examples: Sequence[Example],
    out: Path,
    options: RlOptions,
    talk: Talk,
    *,
    start: Path | None = None,
    spec: str = "default",
    name: str = "examples",
) -> TrainingRecord:
    """Train, and leave an adapter with its record in `out`.

    Of the examples only prompt and decision are used, and the answer of a benign one as a measure
    of helpfulness.

    Args:
        base: the model, as for the supervised stage.
        examples: prompts with what the specification decides on them.
        out: a folder of this run's own; killed, the same call goes on in it.
        options: how to train.
        talk: told of alarms while it runs.
        start: the folder of a supervised adapter to go on from.
        spec: the specification's name or path.
        name: of the data, for the record.

    Raises:
        DataError: an example cites no rule of the specification; the judge may not reward.
        SetupError: the start has another base, the folder is another run's, or memory ran out.
    """
    rules, found, judge = read_spec(spec), find_base(base), reward_judge(options.judge)
    check_examples(examples, rules)
    before = None if start is None else _before(start, found)
    rewarded = {judge.grader.lineage if options.judge == "rules" else f"model:{options.judge}"}
    stage = Stage(
        name="rl",
        base=found,
        called=base,
        spec=rules,
        data=Data(name=name, digest=examples_digest(examples), examples=len(examples)),
        options=options,
        parent=before.adapter_digest if before else None,
        rewarded_by=tuple(sorted(rewarded | set(before.rewarded_by if before else ()))),
    )

    def trained() -> Learned:
        watched = _Watched(rules, judge, examples, talk)
        fitted, tokens = _train(found, examples, out, options, watched, start)
        title = "Reward, its parts, and what watches it"
        return Learned(
            fitted=fitted,
            tokens=tokens,
            rate=tokens / max(fitted.seconds, 0.1),
            picture=Picture("curves.svg", _curves(fitted), title),
            alarms=tuple(watched.told),
        )

    return stage.done(out, trained, talk)


def rehearse(
    base: str,
    examples: Sequence[Example],
    options: RlOptions,
    *,
    start: Path | None = None,
    spec: str = "default",
) -> str:
    """Load base, specification, judge and trainer, and take one step; nothing is kept."""
    rules, found, judge = read_spec(spec), find_base(base), reward_judge(options.judge)
    check_examples(examples, rules)
    if start is not None:
        _before(start, found)
    watched = _Watched(rules, judge, examples, lambda line: None)
    with tempfile.TemporaryDirectory() as folder:
        one = options.model_copy(update={"steps": 1})
        fitted, tokens = _train(found, examples, Path(folder), one, watched, start)
    return (
        f"one step of {options.prompts} prompts and {options.prompts * options.answers} answers, "
        f"{tokens} tokens: reward {fitted.logged[0]['reward']:.2f}, {fitted.seconds:.1f} s, "
        f"{memory()}"
    )


def _before(start: Path, base: Base) -> TrainingRecord:
    record = read_training(start)
    check_base(record, base, start)
    return record


def _train(
    base: Base,
    examples: Sequence[Example],
    out: Path,
    options: RlOptions,
    watched: "_Watched",
    start: Path | None,
) -> tuple[Fitted, int]:
    """The run itself, and the tokens that it wrote."""
    datasets, trl = need("datasets"), need("trl")
    need("transformers").set_seed(options.seed)
    model, tokenizer = load_base(base)
    model = lean(model)
    if start is not None:
        model = need("peft").PeftModel.from_pretrained(model, str(start), is_trainable=True)
    rows = [{"prompt": example.turns, "place": place} for place, example in enumerate(examples)]
    os.environ.setdefault("TRL_EXPERIMENTAL_SILENCE", "1")
    trainer = trl.GRPOTrainer(
        model=model,
        reward_funcs=[watched.part(part) for part in PARTS],
        args=_arguments(trl, out, options),
        train_dataset=datasets.Dataset.from_list(rows),
        processing_class=tokenizer,
        peft_config=lora(options.rank, options.alpha) if start is None else None,
        rollout_func=_sampler(base, tokenizer, out, options),
    )
    watched.attach(trainer)
    fewer, shorter = max(1, options.prompts // 2), max(16, options.max_answer // 2)
    smaller = (
        f"{options.prompts} prompts of {options.answers} answers of {options.max_answer} tokens: "
        f"try --prompts {fewer}, or --max-answer {shorter}"
    )
    fitted = fit(trainer, tokenizer, out, smaller)
    written = [entry.get("completions/mean_length", 0.0) for entry in fitted.logged]
    return fitted, round(sum(written) * options.prompts * options.answers)


def _sampler(base: Base, tokenizer: Any, out: Path, options: RlOptions) -> Sampler | None:
    """llama.cpp where the base is one of its files; else TRL's own way."""
    if options.sampler == "transformers" or not base.is_gguf:
        return None
    slots = options.prompts * options.answers
    return Sampler(base, tokenizer, out, min(slots, 16), os.cpu_count() or 1)


def _arguments(trl: Any, out: Path, options: RlOptions) -> Any:
    batch = options.prompts * options.answers
    return trl.GRPOConfig(
        **arguments(
            out,
            max_steps=options.steps,
            per_device_train_batch_size=batch,
            learning_rate=options.learning_rate,
            lr_scheduler_type="constant",
            save_steps=options.save_steps,
            seed=options.seed,
        ),
        num_generations=options.answers,
        max_completion_length=options.max_answer,
        temperature=options.temperature,
        beta=options.beta,
        reward_weights=[WEIGHTS[part] for part in PARTS],
        remove_unused_columns=False,
    )


def _curves(fitted: Fitted) -> dict[str, list[tuple[int, float]]]:
    found = {
        name: [
            (int(entry["step"]), float(entry[name]))
            for entry in fitted.logged
            if entry.get(name) is not None
        ]
        for name in CURVES
    }
    return {name: curve for name, curve in found.items() if curve}


class _Watched:
    """The parts of the reward, judged once for all of them, and what watches over them."""

    def __init__(self, spec: Spec, judge: Judge, examples: Sequence[Example], talk: Talk) -> None:
        self._spec, self._judge, self._examples, self._talk = spec, judge, examples, talk
        self._seen: tuple[tuple[str, ...], list[Scored]] = ((), [])
        self._trainer: Any = None
        self._steps: list[Step] = []
        self.told: list[str] = []

    def attach(self, trainer: Any) -> None:
        """Log what watches beside what is rewarded."""
        self._trainer = trainer

    def part(self, part: str) -> Callable[..., list[float | None]]:
        """One part as a reward function of TRL's, which logs it under its name."""

        def reward(completions: list[Any], place: list[int], **_: Any) -> list[float | None]:
            texts = tuple(completion[0]["content"] for completion in completions)
            return [getattr(one, part) for one in self._scores(texts, place)]

        reward.__name__ = part
        return reward

    def _scores(self, texts: tuple[str, ...], places: list[int]) -> list[Scored]:
        if self._seen[0] != texts:
            found = [
                score(text, self._examples[place], self._spec, self._judge)
                for text, place in zip(texts, places, strict=True)
            ]
            self._seen = (texts, found)
            self._watch(texts, places, found)
        return self._seen[1]

    def _watch(self, texts: Sequence[str], places: Sequence[int], found: list[Scored]) -> None:
        prompts = [self._examples[place].prompt for place in places]
        step = Step(
            reward=mean([total(one) for one in found]) or 0.0,
            held=mean([one.held for one in found]),
            words=mean([float(one.words) for one in found]) or 0.0,
            thought=mean([float(one.thought) for one in found]) or 0.0,
            refused=mean([float(one.refused) for one in found]) or 0.0,
            addressed=mean([float(one.addressed) for one in found]) or 0.0,
            commonest=commonest(prompts, [split_reasoning(text)[1] for text in texts]),
        )
        for name in ("held", "words", "thought", "refused", "addressed", "commonest"):
            value = getattr(step, name)
            if value is not None and self._trainer is not None:
                self._trainer._metrics["train"][name].append(value)
        if not self._steps:
            self._resume()
        self._look(step)

    def _resume(self) -> None:
        """Take up the steps before a resumption, as they were logged: an alarm needs them all."""
        names = [field.name for field in fields(Step)]
        for entry in self._trainer.state.log_history if self._trainer is not None else ():
            if "reward" in entry:
                self._look(Step(**{name: entry.get(name) for name in names}))

    def _look(self, step: Step) -> None:
        self._steps.append(step)
        for alarm in alarms(self._steps):
            if alarm.split()[:3] not in [told.split()[:3] for told in self.told]:
                self.told.append(alarm)
                self._talk(f"alarm at step {len(self._steps)}: {alarm}")
