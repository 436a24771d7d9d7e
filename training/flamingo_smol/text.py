"""SmolLM2's tokenizer in the form that the tasks of flamingo_tiny ask for, and its chat."""
from tokenizers import Tokenizer

from flamingo_tiny.tokens import END_OF_CHUNK, IMAGE, Text

SYSTEM = "You are a helpful AI assistant named SmolLM, trained by Hugging Face"


class SmolText(Text):
    def __init__(self, path):
        self.tokenizer, self.cache = Tokenizer.from_file(str(path)), {}
        self.end = self.pad = self.tokenizer.token_to_id("<|endoftext|>")
        self.turn_end, self.end_of_chunk, self.image = (self.tokenizer.token_to_id(t) for t in ("<|im_end|>", END_OF_CHUNK, IMAGE))

    def turns(self, words):
        """A user's first turn, as the model's own chat template writes it."""
        turn = lambda role, said: f"<|im_start|>{role}\n{said}<|im_end|>\n"
        return turn("system", SYSTEM) + turn("user", words) + "<|im_start|>assistant\n"

    def chat(self, words):
        return self(self.turns(words))
