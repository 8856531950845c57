//! The machine that a recording is of, from the command line or from what is known of the recording.

use gpu_bearing::data::Recording;
use gpu_bearing::physics::Bearing;
use gpu_bearing::train::bearing_of;
use gpu_bearing::{Error, Result};

/// Bearing and shaft speed, from which the fault frequencies follow.
#[derive(Debug, clap::Args)]
pub(crate) struct MachineArgs {
    /// 6205, 6203, or the geometry N,d,D,ANGLE: rolling elements, ball and pitch diameter in the same unit, contact
    /// angle in degrees [default: that of a CWRU recording]
    #[arg(long, value_name = "BEARING")]
    bearing: Option<String>,
    /// Shaft speed in rpm [default: what the file or the CWRU catalogue says]
    #[arg(long, value_name = "N", allow_negative_numbers = true)]
    rpm: Option<f64>,
}

impl MachineArgs {
    /// Refuses what is given if it is no bearing or no speed.
    pub(crate) fn check(self) -> Result<Machine> {
        let bearing = self.bearing.as_deref().map(str::parse::<Bearing>).transpose();
        let bearing = bearing.map_err(|error| error.within("--bearing"))?;
        if let Some(rpm) = self.rpm.filter(|rpm| !(rpm.is_finite() && *rpm > 0.0)) {
            return Err(Error::input(format!("--rpm {rpm}: must be above 0")));
        }
        Ok(Machine { bearing, rpm: self.rpm })
    }
}

/// What the command line says of the machine.
#[derive(Debug)]
pub(crate) struct Machine {
    bearing: Option<Bearing>,
    rpm: Option<f64>,
}

impl Machine {
    /// The bearing of `recording`, and its speed in rpm.
    ///
    /// # Errors
    /// One of the two is not known.
    pub(crate) fn of(&self, recording: &Recording) -> Result<(Bearing, f64)> {
        let Some(bearing) = bearing_of(recording, self.bearing.as_ref()) else {
            return Err(Error::input(format!(
                "{}: which bearing was it? Its fault frequencies follow from --bearing 6205, 6203 or N,d,D,ANGLE (rolling \
                 elements, ball and pitch diameter, contact angle in degrees)",
                recording.name
            )));
        };
        match self.rpm.or(recording.facts.rpm) {
            Some(rpm) => Ok((bearing, rpm)),
            None => Err(Error::input(format!(
                "{}: its shaft speed is unknown: give it in rpm by --rpm",
                recording.name
            ))),
        }
    }

    /// The same, or nothing where the command line says nothing and the recording does not say both.
    pub(crate) fn if_known(&self, recording: &Recording) -> Result<Option<(Bearing, f64)>> {
        let known = self.of(recording);
        if self.bearing.is_some() || self.rpm.is_some() { known.map(Some) } else { Ok(known.ok()) }
    }
}
