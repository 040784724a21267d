/** The formats of data sets as the import form explains them, and what is sent of what was filled in. */

import type { NewDataset } from "../../api/upload";

export type Format = NewDataset["format"];

interface About {
  format: Format;
  /** How the files lie in the ZIP (or the NPZ): the same in every language. */
  layout: string;
  accept: string;
  /** What is asked for at once, and what else can be said of it. */
  upfront: readonly Option[];
  options: readonly Option[];
}

export type Option =
  | "classes"
  | "group_column"
  | "label_columns"
  | "path_column"
  | "table"
  | "where"
  | "instances"
  | "multi_label"
  | "images_only"
  | "modality"
  | "scheme"
  | "issuer"
  | "seed";

// What can be said of a table, and of images that are not DICOM yet.
const OF_TABLE: readonly Option[] = ["path_column", "where"];
const OF_PICTURES: readonly Option[] = ["modality", "issuer", "seed"];

export const FORMATS: readonly About[] = [
  {
    format: "imagefolder",
    layout: "normal/001.png\nnormal/002.jpg\ncancer/003.png\n\n# or, with a split of its own:\ntrain/normal/001.png\ntest/cancer/003.png",
    accept: ".zip",
    upfront: [],
    options: ["classes", "table", "group_column", ...OF_TABLE, "images_only", "scheme", ...OF_PICTURES],
  },
  {
    format: "csv",
    layout: "labels.csv        # path,label,group,split\nimages/001.png\nimages/002.png",
    accept: ".zip",
    upfront: ["label_columns", "group_column"],
    options: ["classes", ...OF_TABLE, "images_only", "scheme", ...OF_PICTURES],
  },
  {
    format: "masks",
    layout: "images/001.png\nmasks/001.png     # 0 is background, 1, 2 … the segments",
    accept: ".zip",
    upfront: [],
    options: ["classes", "instances", "table", "group_column", ...OF_TABLE, ...OF_PICTURES],
  },
  {
    format: "voc",
    layout: "images/001.jpg\nannotations/001.xml",
    accept: ".zip",
    upfront: [],
    options: ["classes", "table", "group_column", ...OF_TABLE, ...OF_PICTURES],
  },
  {
    format: "coco",
    layout: "annotations.json\nimages/001.jpg",
    accept: ".zip",
    upfront: [],
    options: ["classes", "table", "group_column", ...OF_TABLE, ...OF_PICTURES],
  },
  {
    format: "npz",
    layout: "train_images  (n, rows, columns)   uint8\ntrain_labels  (n, 1)\nval_images, val_labels, test_images, test_labels",
    accept: ".npz,.zip",
    upfront: [],
    options: ["classes", "multi_label", "images_only", "scheme", ...OF_PICTURES],
  },
  {
    format: "nifti",
    layout:
      "images/001.nii.gz # or .nii, .nrrd\nlabels/001.nii.gz # 0 is background, 1, 2 … the segments\n\n# or, in one folder:\n001_image.nrrd\n001_label.nrrd",
    accept: ".zip",
    upfront: [],
    options: ["classes", "instances", "table", "group_column", ...OF_TABLE, "images_only", ...OF_PICTURES],
  },
  {
    format: "dicom",
    layout: "any/folders/*.dcm  # images, and SEG objects that mark them\n\n# or, with a table of labels:\nlabels.csv         # path,label,group,split",
    accept: ".zip",
    upfront: ["table", "label_columns"],
    options: ["classes", "group_column", ...OF_TABLE, "instances", "images_only", "scheme", "seed"],
  },
];

export type SplitChoice = "own" | "parts" | "column" | "test";

export interface Filled {
  format: Format;
  cohort: string;
  title: string;
  split: SplitChoice;
  /** Per cent. */
  parts: Readonly<Record<"train" | "validation" | "test", number>>;
  splitColumn: string;
  classes: readonly string[];
  group_column: string;
  label_columns: string;
  path_column: string;
  table: string;
  /** COLUMN=VALUE, each. */
  where: readonly string[];
  instances: boolean;
  multi_label: boolean;
  images_only: boolean;
  modality: string;
  scheme: string;
  issuer: string;
  seed: number | string;
  synthetic: boolean;
}

export const BLANK: Filled = {
  format: "imagefolder",
  cohort: "",
  title: "",
  split: "own",
  parts: { train: 70, validation: 15, test: 15 },
  splitColumn: "split",
  classes: [],
  group_column: "",
  label_columns: "",
  path_column: "",
  table: "",
  where: [],
  instances: false,
  multi_label: false,
  images_only: false,
  modality: "",
  scheme: "",
  issuer: "",
  seed: "",
  synthetic: false,
};

export const sumOf = (parts: Filled["parts"]): number => parts.train + parts.validation + parts.test;

const splitText = ({ split, parts, splitColumn }: Filled): string => {
  if (split === "parts") return Object.entries(parts).map(([name, part]) => `${name}=${String(part / 100)}`).join(",");
  if (split === "column") return `column:${splitColumn.trim()}`;
  return split === "test" ? "all:test" : "";
};

/** What is sent: what the format has no use for stays out, and so do empty texts. */
export function orderOf(id: string, filled: Filled): NewDataset {
  const about = FORMATS.find(({ format }) => format === filled.format);
  const has = (option: Option): boolean => [...(about?.upfront ?? []), ...(about?.options ?? [])].includes(option);
  const text = (option: "group_column" | "path_column" | "table" | "modality" | "scheme" | "issuer"): string =>
    has(option) ? filled[option].trim() : "";
  const labels = filled.label_columns.trim();
  const texts = {
    title: filled.title.trim(),
    split: splitText(filled),
    classes: has("classes") ? filled.classes.join(",") : "",
    group_column: text("group_column"),
    path_column: text("path_column"),
    label_column: has("label_columns") && !labels.includes(",") ? labels : "",
    label_columns: has("label_columns") && labels.includes(",") ? labels : "",
    table: text("table"),
    modality: text("modality").toUpperCase(),
    scheme: text("scheme"),
    issuer: text("issuer"),
  };
  return {
    id,
    format: filled.format,
    cohort: filled.cohort.trim(),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text)),
    ...(has("where") && filled.where.length ? { where: [...filled.where] } : {}),
    ...(filled.seed === "" ? {} : { seed: Number(filled.seed) }),
    instances: has("instances") && filled.instances,
    multi_label: has("multi_label") && filled.multi_label,
    images_only: has("images_only") && filled.images_only,
    synthetic: filled.synthetic,
  };
}

export const isCohortName = (name: string): boolean => /^[-a-zA-Z0-9_]{1,80}$/.test(name.trim());
