/** flamingo-web's public interface. `FlamingoChat` also registers `<flamingo-chat>`. */
export { FlamingoModel, type FlamingoModelOptions } from './api/flamingo-model';
export { type ErrorCode, FlamingoError, isFlamingoError } from './core/errors';
export type { Manifest } from './format/manifest';
export type { LoadProgress, ModelSource } from './session/load-types';
export type {
  CandidateScore,
  ClassifyOptions,
  ContextToken,
  FlamingoSession,
  GeneratedToken,
  GenerateOptions,
  MediaHandle,
  MediaSource,
  Part,
  RankedCandidate,
  ScoreOptions,
  SessionStats,
  TokenAttention,
  TokenLogprob,
} from './session/types';
export type { ContentPart } from './ui/content';
export { FlamingoChat } from './ui/flamingo-chat';
export type { Labels } from './ui/labels';
export type { Sample } from './ui/view-empty';
