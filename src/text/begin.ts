/**
 * A prompt with the token that begins it: behind the image tokens at its start, as processors of such models write it, unless the prompt has it somewhere. Source:
 * transformers processing_mllama.py build_string_from_input.
 */
export function withBegin(prompt: string, imageToken: string, begin: { content: string } | undefined): string {
  if (!begin || prompt.includes(begin.content)) return prompt;
  let at = 0;
  while (prompt.startsWith(imageToken, at)) at += imageToken.length;
  return prompt.slice(0, at) + begin.content + prompt.slice(at);
}
