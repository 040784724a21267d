/** What a package's manifest says of itself, in lines: the same five tasks, each with its own. */

import type { TFunction } from "i18next";

export interface Fact {
  label: string;
  value: string;
}

type Open = Readonly<Record<string, unknown>>;

const object = (value: unknown): Open => (typeof value === "object" && value !== null ? (value as Open) : {});
const list = (value: unknown): unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const number = (value: unknown): string => (typeof value === "number" ? String(Number(value.toPrecision(4))) : "");
const numbers = (value: unknown): string => list(value).map(number).join(" × ");

function inputFacts(t: TFunction, input: Open): Fact[] {
  const scaling = object(input.scaling);
  const size = numbers(input.size);
  const spacing = numbers(input.spacing_mm);
  return [
    { label: t("facts.modalities"), value: list(input.modalities).join(", ") },
    { label: t("facts.sees"), value: t(input.dimensions === 3 ? "facts.volumes" : "facts.slices") + (input.colour ? `, ${t("cohorts.colour")}` : "") },
    { label: t("facts.size"), value: size || t("facts.anySize") },
    { label: t("facts.spacing"), value: spacing && `${spacing} mm` },
    { label: t("facts.scaling"), value: scaling.kind ? `${String(scaling.kind)} ${number(scaling.low)} … ${number(scaling.high)}` : "" },
    { label: t("facts.context"), value: Number(input.context) > 0 ? number(input.context) : "" },
    { label: t("facts.fewest"), value: Number(input.minimum_slices) > 1 ? number(input.minimum_slices) : "" },
  ];
}

// The names under which the tasks keep what is told of their outputs, in the order in which it is told.
const OUTPUT = [
  "thresholds",
  "temperature",
  "top_k",
  "tile",
  "overlap",
  "minimum_voxels",
  "instances",
  "score_threshold",
  "iou_threshold",
  "maximum",
  "threshold",
  "compression",
  "latent",
  "modality",
];

function outputFacts(t: TFunction, output: Open): Fact[] {
  return OUTPUT.filter((name) => output[name] !== undefined && output[name] !== null && output[name] !== false).map((name) => {
    const value = output[name];
    const text = Array.isArray(value) ? value.map(number).join(name === "tile" ? " × " : ", ") : typeof value === "number" ? number(value) : value === true ? t("yes") : String(value);
    return { label: t(`facts.output.${name}`), value: text };
  });
}

/** Returns what the manifest says, what it does not say left out. */
export function factsOf(t: TFunction, manifest: Open, language: string): Fact[] {
  const model = object(manifest.model);
  const trained = object(manifest.trained);
  const data = object(trained.data);
  const parameters = typeof model.parameters === "number" && model.parameters > 1 ? new Intl.NumberFormat(language).format(model.parameters) : "";
  const config = object(trained.config);
  const facts = [
    { label: t("facts.classes"), value: list(manifest.classes).join(", ") },
    ...inputFacts(t, object(manifest.input)),
    ...outputFacts(t, object(manifest.output)),
    { label: t("facts.network"), value: [config.network, parameters && t("facts.parameters", { count: Number(model.parameters), shown: parameters })].filter(Boolean).join(", ") },
    { label: t("facts.opset"), value: number(model.opset) },
    { label: t("training.cohort"), value: typeof data.cohort === "string" ? `${data.cohort} v${String(data.version)}` : "" },
    { label: t("facts.labels"), value: typeof data.horizon_days === "number" ? t("cohorts.horizon", { days: data.horizon_days }) : "" },
  ];
  return facts.filter(({ value }) => value);
}
