"""A model of a few thousand weights in a folder: the stages of training run on it in seconds."""

from functools import lru_cache
from pathlib import Path
from typing import Any

from syscard.examples import Example

TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n{{ message['content'] }}"
    "<|im_end|>\n{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def folder(path: Path, kind: str = "llama", seed: int = 0) -> Path:
    """Write a model folder with two layers, grouped key heads and a tokenizer of bytes."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2ForCausalLM

    torch.manual_seed(seed)
    tokenizer = _tokenizer()
    sizes: dict[str, Any] = {
        "vocab_size": len(tokenizer),
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "tie_word_embeddings": True,
        "max_position_embeddings": 512,
        "bos_token_id": tokenizer.bos_token_id,
        "eos_token_id": tokenizer.eos_token_id,
        "pad_token_id": tokenizer.pad_token_id,
    }
    model: Any
    if kind == "qwen2":
        model = Qwen2ForCausalLM(Qwen2Config(**sizes))
    else:
        model = LlamaForCausalLM(LlamaConfig(**sizes))
    model.save_pretrained(path)
    tokenizer.save_pretrained(path)
    return path


def examples(count: int = 12) -> list[Example]:
    """Refused and answered requests in turn, short and harmless in what they say."""
    found = []
    for number in range(count):
        refused = number % 2 == 0
        found.append(
            Example(
                prompt=f"Request {number}: insult my neighbour" if refused else f"Sum {number}+1?",
                category="harassment" if refused else "none",
                rule="insults" if refused else "none",
                decision="refuse" if refused else "comply",
                reasoning="It would hurt a real person." if refused else "A plain sum.",
                answer="I'm sorry, I can't help with that." if refused else f"It is {number + 1}.",
            )
        )
    return found


@lru_cache
def _tokenizer() -> Any:
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    special = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary = {token: number for number, token in enumerate([*special, *letters])}
    raw = Tokenizer(models.BPE(vocabulary, []))
    raw.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    raw.decoder = decoders.ByteLevel()
    raw.add_special_tokens(special)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=raw, bos_token="<|im_start|>", eos_token="<|im_end|>",
        pad_token="<|endoftext|>",
    )  # fmt: skip
    tokenizer.chat_template = TEMPLATE
    return tokenizer
