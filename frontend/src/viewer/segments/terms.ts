/** Coded terms for segments: common structures by SNOMED CT, as DICOM uses them (PS3.16 CID 7150 and those below). */

import type { Code } from "../segmentation/document";

const sct = (value: string, meaning: string): Code => ({ value, scheme: "SCT", meaning });

export const TISSUE = sct("85756007", "Tissue");
export const ANATOMICAL = sct("123037004", "Anatomical Structure");
export const ABNORMAL = sct("49755003", "Morphologically Abnormal Structure");

/** What a segment may be: its category, and its type. */
export const TERMS: readonly { category: Code; type: Code }[] = [
  ...[
    sct("39607008", "Lung"), sct("44714003", "Left lung"), sct("3341006", "Right lung"), sct("80891009", "Heart"), sct("15825003", "Aorta"), sct("44567001", "Trachea"),
    sct("10200004", "Liver"), sct("78961009", "Spleen"), sct("64033007", "Kidney"), sct("18639004", "Left kidney"), sct("9846003", "Right kidney"), sct("15776009", "Pancreas"),
    sct("28231008", "Gallbladder"), sct("69695003", "Stomach"), sct("14016003", "Urinary bladder"), sct("41216001", "Prostate"), sct("35039007", "Uterus"), sct("12738006", "Brain"),
    sct("2748008", "Spinal cord"), sct("69748006", "Thyroid gland"), sct("51299004", "Clavicle"), sct("113197003", "Rib"), sct("51282000", "Vertebra"), sct("272673000", "Bone"), sct("71341001", "Femur"),
    sct("59441001", "Lymph node"), sct("76752008", "Breast"),
  ].map((type) => ({ category: ANATOMICAL, type })),
  ...[
    sct("108369006", "Neoplasm"), sct("86049000", "Neoplasm, Primary"), sct("14799000", "Neoplasm, Secondary"), sct("27925004", "Nodule"), sct("4147007", "Mass"),
    sct("52988006", "Lesion"), sct("50960005", "Hemorrhage"), sct("79654002", "Edema"), sct("55641003", "Infarct"), sct("6574001", "Necrosis"), sct("12856003", "Cyst"),
  ].map((type) => ({ category: ABNORMAL, type })),
  ...[sct("87784001", "Soft tissue"), sct("55603005", "Adipose tissue"), sct("71616004", "Skeletal muscle")].map((type) => ({ category: TISSUE, type })),
];
