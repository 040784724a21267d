/** Everything of Cornerstone that the page uses, as the one chunk that `comes.ts` fetches. */

export { AnnotationLayer } from "./annotationLayer";
export { endEngine } from "./engine";
export { onTextAsked } from "./markTools";
export { forgetFrames, keepFrame, loadFrame, onForgotten, registerFrames, valuesOf, windowOf } from "./memory";
export { PlaneView } from "./planeView";
export { setUp } from "./setup";
export { SolidView } from "./solidView";
export { StackView } from "./stackView";
export { choose } from "./tools";
export { forgetVolumes, grow, volumeOf } from "./volumes";
