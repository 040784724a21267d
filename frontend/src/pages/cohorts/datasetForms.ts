/** The formats of data sets as the import form explains them, and what is sent of what was filled in. */

import type { NewDataset } from "../../api/upload";

export type Format = NewDataset["format"];

interface About {
  format: Format;
  /** How the files lie in the ZIP (or the NPZ): the same in every language. */
  layout: string;
  accept: string;
  /** What else can be said of it. */
  options: readonly Option[];
}

export type Option = "classes" | "group_column" | "label_columns" | "table" | "instances" | "images_only" | "modality";

export const FORMATS: readonly About[] = [
  {
    format: "imagefolder",
    layout: "normal/001.png\nnormal/002.jpg\ncancer/003.png\n\n# or, with a split of its own:\ntrain/normal/001.png\ntest/cancer/003.png",
    accept: ".zip",
    options: ["classes", "table", "group_column", "images_only", "modality"],
  },
  {
    format: "csv",
    layout: "labels.csv        # path,label,group,split\nimages/001.png\nimages/002.png",
    accept: ".zip",
    options: ["label_columns", "classes", "group_column", "images_only", "modality"],
  },
  {
    format: "masks",
    layout: "images/001.png\nmasks/001.png     # 0 is background, 1, 2 … the segments",
    accept: ".zip",
    options: ["classes", "instances", "table", "group_column", "modality"],
  },
  { format: "voc", layout: "images/001.jpg\nannotations/001.xml", accept: ".zip", options: ["classes", "table", "group_column", "modality"] },
  { format: "coco", layout: "annotations.json\nimages/001.jpg", accept: ".zip", options: ["classes", "table", "group_column", "modality"] },
  {
    format: "npz",
    layout: "train_images  (n, rows, columns)   uint8\ntrain_labels  (n, 1)\nval_images, val_labels, test_images, test_labels",
    accept: ".npz,.zip",
    options: ["classes", "images_only", "modality"],
  },
  {
    format: "nifti",
    layout: "images/001.nii.gz\nlabels/001.nii.gz # 0 is background, 1, 2 … the segments",
    accept: ".zip",
    options: ["classes", "instances", "table", "group_column", "images_only", "modality"],
  },
  { format: "dicom", layout: "any/folders/*.dcm  # images, and SEG objects that mark them", accept: ".zip", options: ["classes", "images_only"] },
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
  table: string;
  instances: boolean;
  images_only: boolean;
  modality: string;
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
  table: "",
  instances: false,
  images_only: false,
  modality: "",
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
  const has = (option: Option): boolean => about?.options.includes(option) ?? false;
  const labels = filled.label_columns.trim();
  const texts = {
    title: filled.title.trim(),
    split: splitText(filled),
    classes: has("classes") ? filled.classes.join(",") : "",
    group_column: has("group_column") ? filled.group_column.trim() : "",
    label_column: has("label_columns") && !labels.includes(",") ? labels : "",
    label_columns: has("label_columns") && labels.includes(",") ? labels : "",
    table: has("table") ? filled.table.trim() : "",
    modality: has("modality") ? filled.modality.trim().toUpperCase() : "",
  };
  return {
    id,
    format: filled.format,
    cohort: filled.cohort.trim(),
    ...Object.fromEntries(Object.entries(texts).filter(([, text]) => text)),
    instances: has("instances") && filled.instances,
    images_only: has("images_only") && filled.images_only,
    synthetic: filled.synthetic,
  };
}

export const isCohortName = (name: string): boolean => /^[-a-zA-Z0-9_]{1,80}$/.test(name.trim());
