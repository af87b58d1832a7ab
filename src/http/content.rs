//! User bytes on their way out.
