/** A document as a Flamingo reads it: the kinds of parts that a session takes, with pictures still as files. */
export type DocumentPart =
  | { type: 'text'; value: string }
  | { type: 'image'; value: Blob; address: string }
  | { type: 'end-of-chunk' };

/** A picture that would have to be fetched. */
export interface RemotePicture {
  readonly address: string;
  readonly alt: string;
}

/** A picture that is not in the document's parts, and why. */
export interface LeftOutPicture {
  readonly address: string;
  readonly reason: string;
}

export interface InterleavedDocument {
  readonly parts: readonly DocumentPart[];
  /** Pictures that lie elsewhere, in document order, each once. Give them as `files` to have them in. */
  readonly remote: readonly RemotePicture[];
  readonly leftOut: readonly LeftOutPicture[];
}

export interface InterleaveOptions {
  /** Cleaned HTML as text instead of words, as CM3 reads documents. */
  keepMarkup?: boolean;
  /** Pictures given along, by address as written in the document, by path, or by file name. */
  files?: ReadonlyMap<string, Blob>;
  /** Address of the document, which its relative addresses start from. */
  base?: string;
}

/** What a document consists of before its pictures are looked at. */
export type Item = { type: 'text'; value: string } | ({ type: 'picture' } & PictureElement);

export interface PictureElement {
  readonly src: string;
  readonly alt: string;
  /** As the document states them; NaN where it does not. */
  readonly width: number;
  readonly height: number;
}
