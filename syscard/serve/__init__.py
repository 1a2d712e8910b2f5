"""A deliberating model, or any model, where an application expects OpenAI's chat completions."""
