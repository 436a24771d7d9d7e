/** The words on the controls; `chat.labels = { send: 'Senden' }` replaces some of them. They are also the accessible names. */
export interface Labels {
  readonly message: string;
  readonly placeholder: string;
  readonly send: string;
  readonly stop: string;
  readonly addImages: string;
  readonly newChat: string;
}

export const ENGLISH: Labels = {
  message: 'Message',
  placeholder: 'Ask about your pictures',
  send: 'Send',
  stop: 'Stop',
  addImages: 'Add images',
  newChat: 'New chat',
};
