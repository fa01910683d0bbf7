import { authorized, refusal } from '../../api/client.ts';

/** Saves text or bytes as a file of the person's. */
export function save(name: string, content: BlobPart, type = 'text/plain;charset=utf-8') {
  const url = URL.createObjectURL(new Blob([content], { type }));
  const a = document.createElement('a');
  a.href = url;
  a.download = name;
  a.click();
  setTimeout(() => URL.revokeObjectURL(url), 60_000); // the browser reads it after the click
}

/** Fetches one whole output of a job: a table as Parquet, an image as PNG. The API answers with a signed address. */
export async function fetchOutput(job: string, index: number): Promise<Blob> {
  const response = await authorized(new Request(`${location.origin}/api/v1/jobs/${encodeURIComponent(job)}/outputs/${index}`));
  if (!response.ok) throw await refusal(response);
  return response.blob();
}

/** A file name from words that a person wrote. */
export function fileName(words: string, extension: string): string {
  const stem = words.toLowerCase().replace(/[^\p{L}\p{N}]+/gu, '-').replace(/^-+|-+$/g, '').slice(0, 60);
  return `${stem || 'orcray'}.${extension}`;
}
