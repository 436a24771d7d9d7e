/** flamingo-web's public interface. `FlamingoChat` also registers `<flamingo-chat>`. */

export { FlamingoModel, type FlamingoModelOptions } from './api/flamingo-model';
export { defineLanguageModel } from './api/language-model/define';
export { type ErrorCode, FlamingoError, isFlamingoError } from './core/errors';
export { permutations } from './core/permutations';
export type { Manifest } from './format/manifest';
export { clearKeptMedia } from './format/media-shelf';
export { type CameraClipOptions, cameraClip } from './media/clip/camera';
export { type Clip, clipFrames, type PictureRow } from './media/clip/clip-frames';
export type { ClipFacts } from './media/clip/opened';
export type { ClipOptions } from './media/clip/plan';
export { interleave } from './media/document/interleave';
export type { DocumentPart, InterleavedDocument, InterleaveOptions } from './media/document/types';
export { cider } from './metrics/cider';
export { bootstrapInterval, type Interval, wilsonInterval } from './metrics/intervals';
export { rocAuc } from './metrics/roc-auc';
export { vqaAccuracy } from './metrics/vqa-accuracy';
export { readIndex, writeIndex } from './retrieval/index-file';
export { type IndexItem, type IndexSpace, type Neighbour, VectorIndex } from './retrieval/vector-index';
export { ensembleVector, type Match, rankBySimilarity } from './retrieval/zero-shot';
export { classifyEnsemble, type EnsembleOptions, scoreEnsemble } from './session/ensemble';
export type { GateValues } from './session/gates';
export type { LoadProgress, ModelSource } from './session/load-types';
export type {
  AddMediaOptions,
  AttentionMap,
  AttentionRollout,
  CandidateScore,
  ClassifyOptions,
  ContextToken,
  EmbedOptions,
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
  TokenRollout,
} from './session/types';
export { buildPrompt, type PromptOptions, type PromptPart, promptText, type TaskItem } from './tasks/build-prompt';
export { drawExamples } from './tasks/draw-examples';
export { postProcess } from './tasks/post-process';
export type { Metric, TaskTemplate } from './tasks/template';
export { TASKS, taskOf } from './tasks/templates';
export type { ContentPart } from './ui/content';
export { FlamingoChat } from './ui/flamingo-chat';
export type { Labels } from './ui/labels';
export type { Sample } from './ui/view-empty';
