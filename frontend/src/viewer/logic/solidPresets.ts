/** The colours and opacities by value in which a volume can be lit: Cornerstone's, by name. */

export const SOLID_PRESETS = [
  "CT-AAA", "CT-AAA2", "CT-Bone", "CT-Bones", "CT-Cardiac", "CT-Cardiac2", "CT-Cardiac3", "CT-Chest-Contrast-Enhanced", "CT-Chest-Vessels",
  "CT-Coronary-Arteries", "CT-Coronary-Arteries-2", "CT-Coronary-Arteries-3", "CT-Cropped-Volume-Bone", "CT-Fat", "CT-Liver-Vasculature", "CT-Lung",
  "CT-MIP", "CT-Muscle", "CT-Pulmonary-Arteries", "CT-Soft-Tissue", "CT-Air", "MR-Angio", "MR-Default", "MR-MIP", "MR-T2-Brain", "DTI-FA-Brain",
] as const;

/** Returns what fits a modality best. */
export const solidPresetFor = (modality: string): string => (modality === "MR" ? "MR-Default" : modality === "PT" ? "CT-MIP" : "CT-Bone");
