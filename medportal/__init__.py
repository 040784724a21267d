"""medportal: a site where teams read medical images and train, keep and run models on them."""
